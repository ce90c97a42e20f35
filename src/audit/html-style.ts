/** The style sheet of the HTML report: follows the reader's colour scheme, and goes from a phone to a wide screen. */

export const STYLE_SHEET = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b1f24; --soft: #57606a; --line: #d5dae0; --link: #0b57b0;
  --severe: #b3261e; --notable: #8a5300; --plain: #2b6a3c; --severe-bg: #fbe4e2; --notable-bg: #fdf0d8; --plain-bg: #e2f2e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --card: #181d24; --text: #e4e8ee; --soft: #9aa5b1; --line: #303843; --link: #7db7ff;
    --severe: #ff9a92; --notable: #f4bf67; --plain: #86d49b; --severe-bg: #4a1f1d; --notable-bg: #40300f; --plain-bg: #173522;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 0 0 .5rem; }
h3 { font-size: 1.05rem; margin: 1.2rem 0 .3rem; }
h4 { font-size: 1rem; margin: 0; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 1rem 0; }
section.same p { margin: 0; }
section.alarm { border-color: var(--severe); border-width: 2px; }
code { font: .88em ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
.place { color: var(--soft); font: .82rem ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; color: var(--soft); font-size: .88rem; margin: .3rem 0 .8rem; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .5em; background: var(--plain); }
.dot.severe { background: var(--severe); border-radius: 0; } .dot.notable { background: var(--notable); border-radius: 0 50% 50% 50%; }
.scroll { overflow-x: auto; }
table.matrix { border-collapse: collapse; width: 100%; }
.matrix th, .matrix td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: center; }
.matrix th[scope=row], .matrix thead th:first-child { text-align: left; font-weight: 500; position: sticky; left: 0;
  background: var(--card); overflow-wrap: normal; }
.matrix td.none { color: var(--soft); }
.matrix td, .matrix thead th { overflow-wrap: normal; }
.matrix th[scope=row] { padding-left: 1.8rem; text-indent: -1.2rem; }
.matrix small { display: block; color: var(--soft); font-size: .75rem; }
.mark { display: inline-block; min-width: 2.2rem; padding: .15rem .5rem; border-radius: .4rem; font-weight: 600; text-decoration: none; }
.mark.severe { background: var(--severe-bg); color: var(--severe); outline: 1px solid var(--severe); }
.mark.notable { background: var(--notable-bg); color: var(--notable); }
.mark.plain { background: var(--plain-bg); color: var(--plain); }
.mark:hover { text-decoration: underline; }
.badge { display: inline-block; padding: 0 .5rem; border-radius: 1rem; font-size: .8rem; font-weight: 600;
  background: var(--plain-bg); color: var(--plain); }
.badge.critical, .badge.high, .badge.grown { background: var(--severe-bg); color: var(--severe); }
.badge.medium, .badge.changed { background: var(--notable-bg); color: var(--notable); }
details.finding { border-top: 1px solid var(--line); padding: .5rem 0; }
summary { cursor: pointer; } summary h2 { display: inline; }
dl { margin: .4rem 0; display: grid; grid-template-columns: minmax(7rem, 11rem) 1fr; gap: .2rem 1rem; }
dt { color: var(--soft); } dd { margin: 0; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
ul.plain, ul.calls { list-style: none; padding-left: 0; }
ul.calls li { margin: .35rem 0; }
ul.absent { columns: 16rem; color: var(--soft); }
.ability { border-left: 3px solid var(--line); padding: .1rem 0 .1rem .8rem; margin: .8rem 0; }
.ability p { margin: .1rem 0; color: var(--soft); font-size: .92rem; }
.ability:target { border-left-color: var(--link); background: color-mix(in srgb, var(--link) 10%, transparent); }
@media (max-width: 40rem) {
  body { padding: .5rem; }
  section { padding: .7rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dt { margin-top: .4rem; }
  .matrix th, .matrix td { padding: .35rem .3rem; } .matrix th[scope=row] { padding-left: 1.2rem; }
}
@media print { body { background: none; } section { break-inside: avoid; } }
`;
