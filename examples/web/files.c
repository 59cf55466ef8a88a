/* files.c - the files of the served folder. */
#include <errno.h>
#include <string.h>

#include "range.h"
#include "respond.h"
#include "route.h"
#include "server.h"
#include "sys.h"

static const struct {
    const char *suffix;
    const char *type;
} types[] = {
    { ".css", "text/css; charset=utf-8" },
    { ".gif", "image/gif" },
    { ".htm", "text/html; charset=utf-8" },
    { ".html", "text/html; charset=utf-8" },
    { ".ico", "image/vnd.microsoft.icon" },
    { ".jpeg", "image/jpeg" },
    { ".jpg", "image/jpeg" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".json", "application/json" },
    { ".md", "text/markdown; charset=utf-8" },
    { ".mp4", "video/mp4" },
    { ".pdf", "application/pdf" },
    { ".png", "image/png" },
    { ".svg", "image/svg+xml" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".wasm", "application/wasm" },
    { ".webp", "image/webp" },
    { ".woff2", "font/woff2" },
    { ".xml", "application/xml" },
};

static const char *type_of(const char *path)
{
    const char *suffix = strrchr(path, '.');

    for (size_t i = 0; suffix && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(suffix, types[i].suffix) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

static int status_for(int error)
{
    switch (error) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
        return HTTP_STATUS_NOT_FOUND;
    case -EACCES:
    case -EPERM:
    case -EXDEV: /* leads out of the folder */
    case -ELOOP:
        return HTTP_STATUS_FORBIDDEN;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
        return HTTP_STATUS_SERVICE_UNAVAILABLE;
    default:
        return HTTP_STATUS_INTERNAL_SERVER_ERROR;
    }
}

/* The file's part, a bufferful at a time, read straight into the output. */
static void send_part(struct exchange *exchange, int fd, struct range part)
{
    struct output *output = &exchange->output;

    while (part.length > 0 && output->error == 0) {
        size_t room;
        char *to = output_space(output, &room);
        ssize_t count = sys_read_at(fd, to, room < part.length ? room : part.length, part.first);

        if (count <= 0) {
            /* The length is promised already. All that is left is to break the
             * connection off, so that the client notices. */
            output->error = count < 0 ? (int)count : -ENODATA;
            return;
        }
        output_filled(output, (size_t)count);
        part.first += (uint64_t)count;
        part.length -= (uint64_t)count;
    }
}

static void content_range(struct exchange *exchange, const struct range *part, uint64_t size)
{
    struct output *output = &exchange->output;

    output_text(output, "Content-Range: bytes ");
    if (part) {
        output_number(output, part->first);
        output_text(output, "-");
        output_number(output, part->first + part->length - 1);
    } else {
        output_text(output, "*");
    }
    output_text(output, "/");
    output_number(output, size);
    output_text(output, "\r\n");
}

static void answer_with(struct exchange *exchange, const char *path, const struct sys_file *file)
{
    struct range part = { .first = 0, .length = file->size };
    int partial = 0;

    if (exchange->request.parser.method == HTTP_GET)
        partial = range_parse(exchange->request.range, file->size, &part);
    if (partial < 0) {
        respond_begin(exchange, HTTP_STATUS_RANGE_NOT_SATISFIABLE, NULL, 0);
        content_range(exchange, NULL, file->size);
        respond_end_head(exchange);
        return;
    }
    respond_begin(exchange, partial ? HTTP_STATUS_PARTIAL_CONTENT : HTTP_STATUS_OK, type_of(path),
                  part.length);
    if (partial)
        content_range(exchange, &part, file->size);
    else
        respond_header(exchange, "Accept-Ranges", "bytes");
    if (respond_end_head(exchange))
        send_part(exchange, file->fd, part);
}

/* Opens what `path` names: for a folder with a slash at its end, its index. */
static int open_path(struct exchange *exchange, const char **path, struct sys_file *ret_file)
{
    static const char index_file[] = "index.html";
    char *name = exchange->request.path;
    size_t size = strlen(*path);

    if (size == 0 || (*path)[size - 1] == '/') {
        if (size + sizeof index_file > sizeof exchange->request.path - 1)
            return -ENAMETOOLONG;
        memmove(name, *path, size);
        memcpy(name + size, index_file, sizeof index_file);
        *path = name;
    }
    return sys_open_below(exchange->server->root_fd, *path, ret_file);
}

/* To a folder without the slash at its end, relative links would break. */
static void redirect_to_folder(struct exchange *exchange)
{
    struct http_parser_url url;
    struct output *output = &exchange->output;

    http_parser_url_init(&url);
    http_parser_parse_url(exchange->request.target, exchange->request.target_size, 0, &url);
    respond_begin(exchange, HTTP_STATUS_MOVED_PERMANENTLY, NULL, 0);
    output_text(output, "Location: ");
    output_write(output, exchange->request.target + url.field_data[UF_PATH].off,
                 url.field_data[UF_PATH].len);
    output_text(output, "/\r\n");
    respond_end_head(exchange);
}

void files_answer(struct exchange *exchange, const char *path)
{
    struct sys_file file;
    int error;

    if (!route_reads_only(exchange))
        return;
    if (exchange->server->root_fd < 0 || path[0] != '/') {
        respond_error(exchange, HTTP_STATUS_NOT_FOUND);
        return;
    }
    path++; /* the leading slash: names are relative to the folder */
    error = open_path(exchange, &path, &file);
    if (error < 0) {
        respond_error(exchange, status_for(error));
        return;
    }
    if (file.is_folder)
        redirect_to_folder(exchange);
    else if (!file.is_regular)
        respond_error(exchange, HTTP_STATUS_FORBIDDEN);
    else
        answer_with(exchange, path, &file);
    sys_close(file.fd);
}
