/* SPDX-License-Identifier: Apache-2.0 */
/* The pages, and what every response carries. */
#include <zlib.h>

#include "api/internal.h"
#include "base/cursor.h"

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

/* For the rare client that cannot unpack.  The last four bytes of a gzip member are its size. */
static struct MHD_Response *unpacked(const struct kd_web_file *f)
{
    struct kd_cur tail = kd_cur_of(kd_bytes_of(f->data + f->n - 4, 4));
    uint32_t size = kd_cur_le32(&tail);
    uint8_t *text = malloc(size > 0 ? size : 1);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)f->data, .avail_in = (uInt)f->n, .next_out = text, .avail_out = size};
    if (text == NULL || inflateInit2(&z, 15 + 16) != Z_OK) {
        free(text);
        return NULL;
    }
    (void)inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
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
    bool packed = accepts_gzip(r->connection);
    struct MHD_Response *response =
        packed ? MHD_create_response_from_buffer(f->n, (void *)(uintptr_t)f->data, MHD_RESPMEM_PERSISTENT)
               : unpacked(f);
    if (response == NULL)
        return kd_request_error(r, 503, "store_busy");
    if (packed)
        header(response, "Content-Encoding", "gzip");
    header(response, "Vary", "Accept-Encoding");
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
