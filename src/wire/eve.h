/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a line of JSON, for those who write lines of EVE that are made otherwise than our records. */
#ifndef KD_WIRE_EVE_H
#define KD_WIRE_EVE_H

#include "records.h"

/* What every line begins with, from its brace on. */
void kd_json_head(struct kd_out *o, const struct kd_rec_head *h, const char *event, int zone_s);

/* Fields of a body; `comma`: something stands before them in their object.  `head`: NULL for an item of a list. */
void kd_json_body(struct kd_out *o, const struct kd_schema *schema, const struct kd_rec_head *head, const void *body,
                  int zone_s, bool comma);

/* A name asked of the neighbourhood, with a comma before it: "llmnr" or "mdns" (enum kd_app). */
void kd_json_neighbour(struct kd_out *o, uint8_t app, const struct kd_rec_dns *r);

#endif
