/* SPDX-License-Identifier: Apache-2.0 */
/* The pages, and what every response carries. */
#include "api/internal.h"

/* No foreign script, frame, font or picture; styles may stand in the page because Svelte and uPlot set
 * sizes that way. */
static const char csp[] = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
                          "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static void header(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

enum MHD_Result kd_queue(struct MHD_Connection *c, unsigned status, struct MHD_Response *response,
                         const char *type, const char *cache)
{
    if (response == NULL)
        return MHD_NO;
    if (type != NULL)
        header(response, "Content-Type", type);
    header(response, "Cache-Control", cache);
    header(response, "Content-Security-Policy", csp);
    header(response, "X-Content-Type-Options", "nosniff");
    header(response, "X-Frame-Options", "DENY");
    header(response, "Referrer-Policy", "no-referrer");
    header(response, "Cross-Origin-Opener-Policy", "same-origin");
    header(response, "Cross-Origin-Resource-Policy", "same-origin");
    enum MHD_Result rc = MHD_queue_response(c, status, response);
    MHD_destroy_response(response);
    return rc;
}

static const struct kd_web_file *find(const char *path)
{
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    for (const struct kd_web_file *f = kd_web_files; f->path != NULL; f++)
        if (strcmp(f->path, path) == 0)
            return f;
    return NULL;
}

static bool accepts_gzip(struct MHD_Connection *c)
{
    const char *v = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept-Encoding");
    return v != NULL && kd_bytes_icontains(kd_str(v), kd_str("gzip"));
}

static enum MHD_Result reply(struct kd_request *r, const struct kd_web_file *f)
{
    const char *cache = f->immutable ? "public, max-age=31536000, immutable" : "no-cache";
    const char *known = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "If-None-Match");
    if (known != NULL && strcmp(known, f->etag) == 0) {
        struct MHD_Response *same = MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);
        header(same, "ETag", f->etag);
        return kd_queue(r->connection, 304, same, NULL, cache);
    }
    if (!accepts_gzip(r->connection))
        return kd_request_error(r, 406, "bad_request"); /* every browser there is accepts it */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(f->n, (void *)(uintptr_t)f->data, MHD_RESPMEM_PERSISTENT);
    header(response, "Content-Encoding", "gzip");
    header(response, "ETag", f->etag);
    return kd_queue(r->connection, 200, response, f->type, cache);
}

enum MHD_Result kd_files_reply(struct kd_request *r, const char *path, bool head_only)
{
    (void)head_only; /* libmicrohttpd leaves the body out of an answer to HEAD */
    const struct kd_web_file *f = find(path);
    return f == NULL ? kd_request_error(r, 404, "not_found") : reply(r, f);
}

enum MHD_Result kd_files_contract(struct kd_request *r)
{
    return kd_files_reply(r, "/openapi.json", false);
}
