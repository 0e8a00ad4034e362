/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

#define SHARE "\\\\fs\\work"

struct play {
    struct kd_tb *t;
    double at_s;
};

static const char *text(const char *fmt, unsigned i, const char *tail)
{
    static char rooms[4][128];
    static unsigned next;
    char *room = rooms[next++ % KD_COUNT(rooms)];
    struct kd_out o = kd_out_of(room, 127);
    kd_out_str(&o, fmt);
    kd_out_u64(&o, i);
    kd_out_str(&o, tail);
    room[o.n] = '\0';
    return room;
}

static struct kd_rec_head head(struct play *p, enum kd_rec_type type)
{
    p->at_s += 0.2;
    struct kd_rec_head h = kd_tb_head(type, p->at_s, "10.0.0.5", 50000, "10.0.0.9", 445);
    h.app = KD_APP_SMB;
    return h;
}

/* Content read (magic NULL: of no known form) or written. */
static void content(struct play *p, const char *name, const char *magic, uint8_t entropy, bool written)
{
    struct kd_rec_file f = {.filename = kd_str(name), .magic = magic != NULL ? kd_str(magic) : kd_str(""),
                            .state = kd_str("CLOSED"), .size = 40000, .entropy = entropy, .to_server = written};
    kd_tb_put(p->t, head(p, KD_REC_FILE), &f);
}

static void step(struct play *p, const char *command, const char *name, const char *to, bool remove, uint64_t written)
{
    struct kd_rec_smb s = {.command = kd_str(command), .share = kd_str(SHARE), .share_type = kd_str("DISK"),
                           .filename = kd_str(name), .rename_to = kd_str(to), .delete_on_close = remove,
                           .write_bytes = written, .status = kd_str("STATUS_SUCCESS")};
    kd_tb_put(p->t, head(p, KD_REC_SMB), &s);
}

static void renames(struct play *p, const char *name, const char *to)
{
    step(p, "SMB2_COMMAND_SET_INFO", name, to, false, 0);
}

static void removes(struct play *p, const char *name)
{
    step(p, "SMB2_COMMAND_CLOSE", name, "", true, 0);
}

static void writes(struct play *p, const char *name, uint64_t n)
{
    step(p, "SMB2_COMMAND_CLOSE", name, "", false, n);
}

static struct play begin(void)
{
    return (struct play){.t = kd_tb_new(NULL, NULL)};
}

static void end(struct play *p, size_t high, size_t medium)
{
    kd_tb_finish(p->t);
    CHECK(kd_tb_count(p->t, "KD-IM-0001") == high && kd_tb_count(p->t, "KD-IM-0002") == medium);
    CHECK(p->t->unfilled == 0);
    kd_tb_free(p->t);
}

/* ---- attacks ---- */

static void rewritten_in_place_then_renamed(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 12; i++) {
        content(&p, text("a\\", i, ".xyz"), "sqlite", 50, false);
        renames(&p, text("a\\", i, ".xyz"), text("a\\", i, ".xyz.locked9"));
        content(&p, text("a\\", i, ".xyz.locked9"), NULL, 80, true);
    }
    kd_tb_send(p.t);
    const struct kd_tb_alert *a = kd_tb_alert(p.t, "KD-IM-0001");
    CHECK(a != NULL && strcmp(a->host, "10.0.0.5") == 0 && strcmp(a->technique, "T1486") == 0);
    CHECK(a != NULL && strstr(a->why_en, "locked9") != NULL && strstr(a->why_en, SHARE) != NULL);
    end(&p, 1, 0);
}

static void written_anew_and_the_original_deleted(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 25; i++) {
        content(&p, text("a\\", i, ".bin0"), NULL, 60, false);
        content(&p, text("a\\", i, ".bin0.enc"), NULL, 79, true);
        removes(&p, text("a\\", i, ".bin0"));
    }
    kd_tb_send(p.t);
    const struct kd_tb_alert *a = kd_tb_alert(p.t, "KD-IM-0001");
    CHECK(a != NULL && a->count <= 25); /* each file once */
    end(&p, 1, 0);
}

static void rewritten_under_the_same_name(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 25; i++)
        content(&p, text("a\\", i, ".docx"), NULL, 79, true);
    end(&p, 1, 0);
}

static void few_files_with_a_note_in_each_folder(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 9; i++) {
        content(&p, text("d", i, "\\list.pdf"), NULL, 79, true);
        writes(&p, text("d", i, "\\HOW_TO_GET_BACK.txt"), 900);
    }
    kd_tb_send(p.t);
    const struct kd_tb_alert *a = kd_tb_alert(p.t, "KD-IM-0001");
    CHECK(a != NULL && strstr(a->why_ja, "HOW_TO_GET_BACK.txt") != NULL);
    end(&p, 1, 0);
}

static void names_alone_are_medium(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 80; i++)
        renames(&p, text("a\\", i, ".docx"), text("a\\", i, ".docx.k3w9"));
    end(&p, 0, 1);
}

/* ---- ordinary work ---- */

static void backup_is_silent(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 300; i++) {
        content(&p, text("backup\\chunk", i, ".vbk"), NULL, 80, true);
        writes(&p, text("backup\\chunk", i, ".vbk"), 40000);
        if (i >= 50)
            removes(&p, text("backup\\chunk", i + 5000, ".vbk")); /* older ones give way */
    }
    end(&p, 0, 0);
}

static void saving_by_rename_is_silent(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 60; i++) {
        content(&p, text("a\\", i, ".docx"), "ooxml", 79, false);
        content(&p, text("a\\~WRD", i, ".tmp"), "ooxml", 79, true);
        renames(&p, text("a\\", i, ".docx"), text("a\\~WRL", i, ".tmp"));
        renames(&p, text("a\\~WRD", i, ".tmp"), text("a\\", i, ".docx"));
        removes(&p, text("a\\~WRL", i, ".tmp"));
    }
    end(&p, 0, 0);
}

static void sync_and_archives_are_silent(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 200; i++) {
        content(&p, text("s\\.", i, ".jpg.Ab3"), "jpeg", 79, true);
        renames(&p, text("s\\.", i, ".jpg.Ab3"), text("s\\", i, ".jpg"));
        content(&p, text("s\\", i, ".zip"), "zip", 80, true);
        removes(&p, text("s\\", i, ".csv"));
        writes(&p, text("s\\d", i, "\\README.md"), 900);
    }
    end(&p, 0, 0);
}

static void antivirus_and_photo_tool_are_silent(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 10; i++)
        renames(&p, text("a\\", i, ".exe"), text("a\\", i, ".exe.vir"));
    for (unsigned i = 0; i < 400; i++)
        renames(&p, text("photo\\IMG_", i, ".JPG"), text("photo\\2026-04-01_", i, ".jpg"));
    for (unsigned i = 0; i < 200; i++)
        renames(&p, text("a\\", i, ".xls"), text("a\\", i, ".xls.bak"));
    end(&p, 0, 0);
}

static void slow_ones_are_other_people(void)
{
    struct play p = begin();
    for (unsigned i = 0; i < 25; i++) {
        content(&p, text("a\\", i, ".docx"), NULL, 79, true);
        p.at_s += 600;
    }
    end(&p, 0, 0);
}

int main(void)
{
    RUN(rewritten_in_place_then_renamed);
    RUN(written_anew_and_the_original_deleted);
    RUN(rewritten_under_the_same_name);
    RUN(few_files_with_a_note_in_each_folder);
    RUN(names_alone_are_medium);
    RUN(backup_is_silent);
    RUN(saving_by_rename_is_silent);
    RUN(sync_and_archives_are_silent);
    RUN(antivirus_and_photo_tool_are_silent);
    RUN(slow_ones_are_other_people);
    return tap_done();
}
