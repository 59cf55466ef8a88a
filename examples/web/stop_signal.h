/* stop_signal.h - SIGINT and SIGTERM as something a task can wait for. */
#ifndef WEB_STOP_SIGNAL_H
#define WEB_STOP_SIGNAL_H

/* Catches the signals from now on. Returns a descriptor that becomes readable
 * (8 bytes, as an eventfd) when one arrives, or an error. Once per process. */
int stop_signal_catch(void);

#endif
