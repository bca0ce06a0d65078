#!/usr/bin/env bash
# Records the real-program traces that ship in traces/: runs each program under `pagebench record`,
# which takes every memory access, mapping and process from valgrind.
#
#   scripts/record_traces.sh                   record all of them
#   scripts/record_traces.sh sort pipeline     record only these
#
#   PAGEBENCH=path   the pagebench binary (default: target/release/pagebench)
#   OUT=folder       where NAME.pbt goes (default: traces)
#   SINK=command     a shell command that takes the lackey text of recording $name instead of
#                    pagebench, e.g. SINK='zstd -q -f -o "$OUT/$name.lackey.zst"'; the text has no
#                    mappings and only the first process
#
# The same versions of the programs give the same recording again, or one that differs in a handful
# of references (what the kernel puts on the stack differs from run to run); the processes of a
# pipeline interleave otherwise each time; other versions give a similar one. traces/README.md lists
# the versions that the shipped recordings were made with.
set -euo pipefail

all=(cc1 python sqlite sort xz git pipeline)

# Resolved before the PATH changes and before we leave this folder.
PAGEBENCH=$(realpath -m -- "${PAGEBENCH:-target/release/pagebench}")
OUT=$(realpath -m -- "${OUT:-traces}")

# Only the distribution's own programs: a newer git or python in /usr/local or in the home
# folder of whoever runs this would be another program.
export PATH=/usr/bin:/bin LC_ALL=C

die() { printf 'record_traces: %s\n' "$*" >&2; exit 1; }

# need COMMAND PACKAGE
need() { command -v "$1" >/dev/null || die "$1 not found; install it: sudo apt-get install $2"; }

need valgrind valgrind
need python3 python3 # generates the inputs, too
[ -n "${SINK:-}" ] || [ -x "$PAGEBENCH" ] ||
    die "no $PAGEBENCH; build it (cargo build --release) or set PAGEBENCH"
mkdir -p -- "$OUT"

# A fixed path instead of mktemp: the current folder's name ends up in the programs' memory and
# in their hash tables, so a random one would change the recording.
work=/tmp/pagebench-record
mkdir -- "$work" 2>/dev/null ||
    die "$work exists: another recording is running, or one was interrupted; remove it first"
trap 'rm -rf -- "$work"' EXIT
cd -- "$work"

# record NAME STDIN COMMAND...: records COMMAND with STDIN as its input.
record() {
    local name=$1 stdin=$2
    shift 2
    printf 'recording %s\n' "$name" >&2
    # env -i: the environment lies at the top of the stack, so its length moves every stack
    #   address; it also carries settings (locale, pager, configuration) that change the work.
    # PYTHONHASHSEED: string hashes are random per run otherwise.
    local clean=(env -i PATH="$PATH" LC_ALL=C TZ=UTC PYTHONHASHSEED=0
        GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null)
    if [ -n "${SINK:-}" ]; then
        # 9>&1 1>/dev/null, in this order: the trace goes to the pipe through descriptor 9, what the
        #   program prints goes away and cannot mix with it.
        # -q and --basic-counts=no: nothing but access lines in the trace.
        # --child-silent-after-fork: a child would write its own accesses between the parent's.
        "${clean[@]}" valgrind -q --tool=lackey --trace-mem=yes --basic-counts=no \
            --child-silent-after-fork=yes --log-fd=9 \
            "$@" 9>&1 1>/dev/null <"$stdin" | eval "$SINK" || die "recording $name failed"
        return
    fi
    "${clean[@]}" "$PAGEBENCH" record --name "$name" --level 19 --force -o "$OUT/$name.pbt" -- "$@" \
        <"$stdin" >/dev/null ||
        # What was written is the trace of a program that failed.
        { rm -f -- "$OUT/$name.pbt"; die "recording $name failed"; }
}

# make_text WORDS SEED LINE: WORDS words on stdout, about LINE bytes a line, from a vocabulary of
# made-up words whose frequencies fall like those of a natural language (Zipf). Uses only
# random(), whose sequence for a seed is the same in every version of Python.
make_text() {
    python3 -S - "$@" <<'EOF'
import random, sys
words, seed, width = map(int, sys.argv[1:])
rnd = random.Random(seed).random
part = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu an er is on ul".split()
vocabulary = ["".join(part[int(rnd() * len(part))] for _ in range(1 + int(rnd() * 4)))
              for _ in range(6000)]
line, length = [], 0
for _ in range(words):
    # 6000 ** u is log-uniform, which is Zipf's law over the ranks 1 to 6000.
    word = vocabulary[int(6000 ** rnd()) - 1]
    line.append(word)
    length += len(word) + 1
    if length >= width:
        print(" ".join(line))
        line, length = [], 0
EOF
}

# The C compiler proper: gcc itself only starts cc1, so cc1 is what has to be traced. It parses
# and checks the file; with code generation even an empty function would be about 80 million references.
record_cc1() {
    need gcc gcc
    local cc1 multiarch
    cc1=$(gcc -print-prog-name=cc1)
    multiarch=$(gcc -print-multiarch) # the driver would pass it, for the C library's headers
    cat >wc.c <<'EOF'
#include <assert.h>

/* Counts the words of its input and prints the most frequent ones. These are declared
   here because stdio.h and string.h would be more text than the program. */
int scanf(const char *, ...);
int printf(const char *, ...);
int strcmp(const char *, const char *);
char *strcpy(char *, const char *);

struct entry { char word[24]; unsigned count; int next; };
static struct entry table[4096];
static int head[1024], used;

static unsigned hash(const char *s)
{
    unsigned h = 2166136261u;
    while (*s)
        h = (h ^ (unsigned char)*s++) * 16777619u;
    return h & 1023;
}

static void count(const char *word)
{
    unsigned h = hash(word);
    for (int i = head[h]; i; i = table[i].next)
        if (!strcmp(table[i].word, word)) {
            table[i].count++;
            return;
        }
    assert(used + 1 < 4096);
    struct entry *e = &table[++used];
    strcpy(e->word, word);
    e->count = 1;
    e->next = head[h];
    head[h] = used;
}

int main(void)
{
    char word[24];
    while (scanf("%23s", word) == 1)
        count(word);
    for (int n = 0; n < 10; n++) {
        int best = 0;
        for (int i = 1; i <= used; i++)
            if (table[i].count > table[best].count)
                best = i;
        printf("%u %s\n", table[best].count, table[best].word);
        table[best].count = 0;
    }
    return 0;
}
EOF
    record cc1 /dev/null "$cc1" -quiet ${multiarch:+-imultiarch "$multiarch"} \
        -fsyntax-only wc.c
}

# The CPython interpreter: its start, then a dictionary of lists of small objects, and sorting.
# The start alone is 28 million references, hence the short text.
record_python() {
    make_text 600 1 70 >words.txt
    cat >index.py <<'EOF'
index = {}
number = 0
with open("words.txt") as text:
    for line in text:
        for word in line.split():
            index.setdefault(word, []).append((number, word))
            number += 1
order = sorted(index, key=lambda word: (-len(index[word]), word))
total = 0
for word in order:
    for place, _ in index[word]:
        total += place
print(len(order), total, order[:10])
EOF
    # -S -s: no site-packages, which differ from machine to machine. Not -I, which would ignore PYTHONHASHSEED.
    record python /dev/null /usr/bin/python3 -S -s -B index.py
}

# The SQLite shell on a database file that is mapped into memory, so that the pages of the file
# are pages of the program.
record_sqlite() {
    need sqlite3 sqlite3
    # random() cannot be seeded: a linear congruential generator gives the values.
    sqlite3 -batch -init /dev/null shop.db <<'EOF'
PRAGMA page_size = 4096;
CREATE TABLE item (id INTEGER PRIMARY KEY, code INTEGER, price INTEGER, note TEXT);
WITH RECURSIVE r (n, x) AS (
    SELECT 1, 12345 UNION ALL
    SELECT n + 1, (x * 1103515245 + 12345) % 2147483648 FROM r WHERE n < 50000)
INSERT INTO item SELECT n, x, x / 65536 % 1000, printf('%.150c', 'n') FROM r;
CREATE INDEX item_code ON item (code);
EOF
    cat >query.sql <<'EOF'
PRAGMA mmap_size = 268435456;
WITH RECURSIVE r (n, x) AS (
    SELECT 1, 4711 UNION ALL
    SELECT n + 1, (x * 1103515245 + 12345) % 2147483648 FROM r WHERE n < 300)
SELECT count(*), sum(price), sum(length(note)) FROM r CROSS JOIN item ON item.id = 1 + x / 8 % 50000;
SELECT price % 10, count(*), avg(id) FROM item WHERE code < 42000000 GROUP BY 1 ORDER BY 2;
BEGIN;
UPDATE item SET price = price + 1 WHERE code BETWEEN 1000000000 AND 1004000000;
COMMIT;
EOF
    record sqlite query.sql /usr/bin/sqlite3 -batch -init /dev/null shop.db
}

# GNU sort: the lines stay where they were read, an array of pointers to them is merge-sorted.
record_sort() {
    make_text 300000 2 400 >lines.txt
    # One thread: with more, the interleaving would differ from run to run.
    record sort /dev/null /usr/bin/sort --parallel=1 -S 32M lines.txt
}

# xz packing: remembers where it saw each four bytes in a hash table of 8 MiB.
record_xz() {
    need xz xz-utils
    make_text 5000 3 70 >text.txt
    record xz text.txt /usr/bin/xz -3 -T1 -c
}

# git: walks a history and lists its objects, unpacking commits and trees from a mapped pack file.
record_git() {
    need git git
    make_text 40000 4 60 >lines.txt
    # A repository of 40 files and 70 commits, each of which rewrites lines of three files.
    python3 -S - <<'EOF' >history
import random
rnd = random.Random(5).random
with open("lines.txt") as text:
    lines = text.read().splitlines()
files = {f"part{n % 8}/file{n}.txt": lines[n * 60:n * 60 + 60] for n in range(40)}
names = sorted(files)
def put(name):
    body = "\n".join(files[name]) + "\n"
    print(f"M 644 inline {name}\ndata {len(body)}\n{body}")
for commit in range(70):
    when = 1700000000 + commit * 3600
    print("commit refs/heads/main")
    print(f"committer A <a@example.org> {when} +0000")
    print(f"data {len(str(commit))}\n{commit}")
    if commit == 0:
        for name in names:
            put(name)
    for _ in range(3):
        name = names[int(rnd() * len(names))]
        for _ in range(4):
            files[name][int(rnd() * 60)] = lines[int(rnd() * len(lines))]
        put(name)
    print()
EOF
    local quiet=(env -i PATH="$PATH" LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null)
    "${quiet[@]}" git init -q --bare repo.git
    "${quiet[@]}" git -C repo.git fast-import --quiet <history
    # One thread, so that the pack, and with it the recording, is the same every time.
    "${quiet[@]}" git -C repo.git -c pack.threads=1 repack -q -a -d -f
    record git /dev/null /usr/bin/git --git-dir=repo.git rev-list --objects main
}

# A shell pipeline: the shell forks for each of its programs, which share their libraries, the
# shell's pages until one of them writes, and nothing else.
record_pipeline() {
    make_text 2500 6 60 >lines.txt
    record pipeline /dev/null /bin/sh -c \
        "tr -s ' ' '\n' <lines.txt | sort --parallel=1 -S 8M | uniq -c | sort -rn --parallel=1 -S 8M | head"
}

for name in "${@:-${all[@]}}"; do
    [[ " ${all[*]} " == *" $name "* ]] || die "no recording $name; there are: ${all[*]}"
done
for name in "${@:-${all[@]}}"; do
    "record_$name"
done
