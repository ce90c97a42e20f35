/* Registers of the 16550A at COM1. */
#ifndef UART_H
#define UART_H

#define COM1 0x3f8
#define UART_DATA (COM1 + 0)
#define UART_IER (COM1 + 1)
#define UART_IIR_FCR (COM1 + 2)
#define UART_LCR (COM1 + 3)
#define UART_MCR (COM1 + 4)
#define UART_LSR (COM1 + 5)
#define UART_SCR (COM1 + 7)

/* While LCR_DLAB is set. */
#define UART_DIVISOR_LOW (COM1 + 0)
#define UART_DIVISOR_HIGH (COM1 + 1)

#define IER_THR_EMPTY 0x02
#define IIR_SOURCE 0x0f
#define IIR_THR_EMPTY 0x02
#define FCR_ENABLE 0x01
#define LCR_EIGHT_BITS 0x03
#define LCR_DLAB 0x80
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY 0x20

#define UART_FIFO_BYTES 16

#endif
