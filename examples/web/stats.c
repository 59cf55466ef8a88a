/* stats.c - the service's figures, as JSON. */
#include "stats.h"

#include <inttypes.h>
#include <weft.h>

#include "respond.h"
#include "route.h"
#include "server.h"
#include "sys.h"

uint64_t stats_bytes_per_connection(struct server *server)
{
    unsigned connections = atomic_load(&server->connections);
    uint64_t resident = sys_resident_bytes();

    if (connections < 100 || resident <= server->resident_at_start)
        return 0;
    return (resident - server->resident_at_start) / connections;
}

static int add_service(struct blob *json, struct server *server)
{
    static const struct {
        const char *name;
        enum counter counter;
    } names[] = {
        { "requests", COUNT_REQUESTS },
        { "client_errors", COUNT_CLIENT_ERRORS },
        { "server_errors", COUNT_SERVER_ERRORS },
        { "bytes_sent", COUNT_BYTES_SENT },
        { "connections_accepted", COUNT_CONNECTIONS },
        { "connections_refused", COUNT_REFUSED },
        { "idle_timeouts", COUNT_IDLE_TIMEOUTS },
        { "header_timeouts", COUNT_HEAD_TIMEOUTS },
        { "body_timeouts", COUNT_BODY_TIMEOUTS },
        { "write_timeouts", COUNT_WRITE_TIMEOUTS },
    };
    struct store_counts kept = store_count(server->store);
    int64_t uptime = weft_now() - server->started;
    int error = blob_printf(
        json, "{\n  \"weft\": \"%s\",\n  \"uptime_ms\": %" PRId64 ",\n  \"connections\": %u,\n",
        weft_version(), uptime / WEFT_MS(1), atomic_load(&server->connections));

    for (size_t i = 0; i < sizeof names / sizeof names[0] && error == 0; i++)
        error = blob_printf(json, "  \"%s\": %" PRIu64 ",\n", names[i].name,
                            counter_read(&server->counters, names[i].counter));
    if (error == 0)
        error = blob_printf(json, "  \"keys\": %" PRIu64 ",\n  \"key_value_bytes\": %" PRIu64 ",\n",
                            kept.keys, kept.bytes);
    return error;
}

static int add_memory(struct blob *json, struct server *server)
{
    weft_memory_stats memory = { 0 };
    int error = weft_memory(&memory);

    if (error < 0)
        return error;
    return blob_printf(
        json,
        "  \"memory\": {\"resident_bytes\": %" PRIu64 ", \"resident_bytes_at_start\": %" PRIu64
        ", \"bytes_per_connection\": %" PRIu64 ", \"tasks\": %" PRIu64 ", \"stacks\": %" PRIu64
        ", \"stacks_cached\": %" PRIu64 "},\n",
        sys_resident_bytes(), server->resident_at_start, stats_bytes_per_connection(server),
        memory.tasks, memory.stacks, memory.stacks_cached);
}

static int add_workers(struct blob *json)
{
    unsigned workers = weft_workers();
    int error = blob_printf(json, "  \"workers\": [\n");

    for (unsigned i = 0; i < workers && error == 0; i++) {
        weft_worker_stats stats = { 0 };

        error = weft_stats(i, &stats);
        if (error == 0)
            error =
                blob_printf(json,
                            "    {\"worker\": %u, \"tasks\": %" PRIu64 ", \"switches\": %" PRIu64
                            ", \"steals\": %" PRIu64 ", \"stolen\": %" PRIu64
                            ", \"parks\": %" PRIu64 ", \"events\": %" PRIu64 "}%s\n",
                            i, stats.ended, stats.switches, stats.steals, stats.stolen, stats.parks,
                            stats.events, i + 1 < workers ? "," : "");
    }
    return error == 0 ? blob_printf(json, "  ]\n}\n") : error;
}

void stats_answer(struct exchange *exchange)
{
    struct blob *json;

    if (!route_reads_only(exchange))
        return;
    json = blob_create();
    if (json && add_service(json, exchange->server) == 0 &&
        add_memory(json, exchange->server) == 0 && add_workers(json) == 0)
        respond_bytes(exchange, HTTP_STATUS_OK, "application/json", json->data, json->size);
    else
        respond_error(exchange, HTTP_STATUS_SERVICE_UNAVAILABLE);
    blob_unref(json);
}
