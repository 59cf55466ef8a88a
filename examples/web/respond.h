/* respond.h - the head of a response, and whole small responses. */
#ifndef WEB_RESPOND_H
#define WEB_RESPOND_H

#include <stdbool.h>
#include <stdint.h>

#include "exchange.h"

/* Begins a response: status line and the headers all responses have. `type` is
 * NULL for a response without content. */
void respond_begin(struct exchange *exchange, int status, const char *type, uint64_t length);

/* One more header. */
void respond_header(struct exchange *exchange, const char *name, const char *value);

/* Ends the head. Returns true when the content is to follow: not after HEAD. */
bool respond_end_head(struct exchange *exchange);

/* Whole responses. */
void respond_empty(struct exchange *exchange, int status);
void respond_bytes(struct exchange *exchange, int status, const char *type, const void *data,
                   size_t size);

/* An error and its name. The connection stays when the request was understood,
 * see exchange->keep_alive. */
void respond_error(struct exchange *exchange, int status);

/* 405, with what is allowed. */
void respond_not_allowed(struct exchange *exchange, const char *allowed);

#endif
