/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_dcerpc;

int main(void)
{
    talk_parser = &kd_parser_dcerpc;
    begin();
    client("");
    play();
    done();
    return tap_done();
}
