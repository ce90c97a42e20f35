#!/usr/bin/env node
import '../dist/src/nested-host/main.js';
