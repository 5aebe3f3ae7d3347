# sluice: `make demo` and `make test` work as the first command on a fresh Debian 12.
#
#     proto/*.c offload/*.c reactor/*.c handlers/*/*.c   one archive per floor
#     tools/{sluiced,sluice,bench,client}/*.c            one archive each, main.c apart
#     tests/unit/test_*.c tests/fuzz/fuzz_*.c            one program each, linked with all archives
#
# Settings: CC=gcc|clang, SAN=address|undefined|thread|fuzz, BUILD=DIR, V=1 (show the commands), PREFIX, DESTDIR,
# E2E='...' (arguments for tests/e2e/run.py), FUZZ_SECONDS=30; CPPFLAGS, CFLAGS and LDFLAGS follow our own.

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 30
ifeq ($(origin CC),default)
CC := gcc
endif
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@))

# ---- variants ----------------------------------------------------------------------------------
OPTIMIZE := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OUT := $(BUILD)
ifeq ($(SAN),address)
OUT := $(BUILD)/asan
OPTIMIZE := -O1 -g
SANITIZE := -fsanitize=address
else ifeq ($(SAN),undefined)
OUT := $(BUILD)/ubsan
OPTIMIZE := -O1 -g
SANITIZE := -fsanitize=undefined -fno-sanitize-recover=all
else ifeq ($(SAN),thread)
OUT := $(BUILD)/tsan
OPTIMIZE := -O1 -g
SANITIZE := -fsanitize=thread
else ifeq ($(SAN),fuzz)
OUT := $(BUILD)/fuzz
CC := clang
OPTIMIZE := -O1 -g
SANITIZE := -fsanitize=fuzzer-no-link,address
else ifneq ($(SAN),)
$(error SAN is address, undefined, thread or fuzz)
endif

compile_flags = -iquote . -D_GNU_SOURCE -std=gnu11 $(OPTIMIZE) -Wall -Wextra -Wshadow -Wconversion \
    -Wstrict-prototypes -Werror -fno-omit-frame-pointer -pthread $(SANITIZE) $(CPPFLAGS) $(CFLAGS)
link_flags = -pthread -Wl,-z,relro,-z,now $(SANITIZE) $(LDFLAGS)
CORE_LIBS := -lev -luring -lm
LIBS := -lconfuse -ljansson -lz -lcrypto -lnats $(CORE_LIBS)
CHECK_LIBS := -lcheck -lsubunit -lrt

# ---- sources -----------------------------------------------------------------------------------
objects = $(patsubst %.c,$(OUT)/obj/%.o,$(1))
archives := proto offload reactor handlers client sluiced sluice bench baselines tests
proto_c := $(wildcard proto/*.c)
offload_c := $(wildcard offload/*.c)
reactor_c := $(wildcard reactor/*.c)
handlers_c := $(wildcard handlers/*.c handlers/*/*.c)
client_c := $(wildcard tools/client/*.c)
sluiced_c := $(filter-out %/main.c,$(wildcard tools/sluiced/*.c))
sluice_c := $(filter-out %/main.c,$(wildcard tools/sluice/*.c))
bench_c := $(filter-out %/main.c,$(wildcard tools/bench/*.c))
baselines_c := $(filter-out %/main.c,$(wildcard tools/bench/baselines/*.c))
tests_c := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))

library = $(patsubst %,$(OUT)/lib/%.a,$(1))
programs := $(patsubst tools/%/main.c,$(OUT)/%,$(wildcard tools/sluiced/main.c tools/sluice/main.c)) \
    $(patsubst tools/bench/main.c,$(OUT)/sluice-bench,$(wildcard tools/bench/main.c)) \
    $(patsubst tools/bench/bare/%.c,$(OUT)/bare/%,$(wildcard tools/bench/bare/*.c)) \
    $(patsubst tools/bench/baselines/main.c,$(OUT)/baselines,$(wildcard tools/bench/baselines/main.c))
unit_programs := $(patsubst tests/unit/%.c,$(OUT)/tests/%,$(wildcard tests/unit/test_*.c))
fuzz_programs := $(patsubst tests/fuzz/%.c,$(OUT)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))

# ---- what to ask for ---------------------------------------------------------------------------
steps := setup unit e2e test demo asan ubsan tsan crash fuzz bench bench-quick lint format clean
.PHONY: all help programs test-programs fuzz-programs $(steps) install install-library install-handler install-manual \
    uninstall FORCE
ifneq ($(filter $(steps),$(MAKECMDGOALS)),)
.NOTPARALLEL: # each builds by a make of its own: two at once would write the same files
endif
.DEFAULT_GOAL := all
all: programs
help: # what README.md tells
	@sed -n 's/^| \(`make.*`\) | \(.*\) |$$/\1|\2/p' README.md | tr -d '`' | awk -F '|' '{ printf "  %-24s %s\n", $$1, $$2 }'
programs: $(programs)
test-programs: $(programs) $(unit_programs) $(fuzz_programs)
fuzz-programs: $(fuzz_programs)

setup:
	$(Q)tools/setup.sh

run_tests = SLUICE_BUILD=$(OUT) python3 tests/run.py

unit: setup
	$(Q)$(MAKE) $(unit_programs) $(fuzz_programs)
	$(Q)$(run_tests) --unit
e2e: setup
	$(Q)$(MAKE) programs
	$(Q)$(run_tests) --e2e $(E2E)
test: setup
	$(Q)$(MAKE) test-programs
	$(Q)$(run_tests) --unit --e2e $(E2E)
asan:
	$(Q)$(MAKE) SAN=address test
ubsan:
	$(Q)$(MAKE) SAN=undefined test
tsan:
	$(Q)$(MAKE) SAN=thread test

# kill -9 and recovery, six times as often as in `make test`
crash: setup
	$(Q)$(MAKE) programs
	$(Q)SLUICE_CRASH_ROUNDS=300 $(run_tests) --e2e test_ingest_crash

demo: setup
	$(Q)$(MAKE) programs
	$(Q)SLUICE_BUILD=$(OUT) tools/demo.sh

fuzz:
	$(Q)tools/setup.sh --lint
	$(Q)$(MAKE) SAN=fuzz fuzz-programs
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(BUILD)/fuzz

bench: setup
	$(Q)$(MAKE) programs
	$(Q)SLUICE_BUILD=$(OUT) tools/bench/run.py
bench-quick: setup
	$(Q)$(MAKE) programs >&2
	$(Q)SLUICE_BUILD=$(OUT) tools/bench/run.py --quick

lint:
	$(Q)tools/setup.sh --lint
	$(Q)$(MAKE) programs
	$(Q)SLUICE_BUILD=$(OUT) tools/checks/lint.sh
format:
	$(Q)tools/setup.sh --lint
	$(Q)tools/checks/format.sh -i

# The programs, their manual, the client library, and what handler modules are built with.
install: programs install-library install-handler install-manual
	install -d '$(place)/bin'
	install $(OUT)/sluiced $(OUT)/sluice $(OUT)/sluice-bench '$(place)/bin'

prefix := $(PREFIX:~/%=$(HOME)/%)
place := $(DESTDIR)$(prefix)
include := $(place)/include/sluice
pkgconfig := $(place)/lib/pkgconfig
version := $(shell sed -n 's/.*SLUICE_VERSION "\(.*\)"/\1/p' tools/version.h)
# $(1): package, $(2): description, $(3): further lines
package = printf 'prefix=%s\nName: %s\nDescription: %s\nVersion: %s\nCflags: -I$${prefix}/include\n$(3)' \
    '$(prefix)' '$(1)' '$(2)' '$(version)' | install -m 644 /dev/stdin '$(pkgconfig)/$(1).pc'

install-library: $(OUT)/lib/libsluice.a
	install -d '$(include)' '$(pkgconfig)'
	install -m 644 tools/client/sluice.h '$(include)'
	install -m 644 $(OUT)/lib/libsluice.a '$(place)/lib'
	$(Q)$(call package,sluice,client of the object protocol of sluiced,Libs: -L$${prefix}/lib -lsluice\n)

# $(1): a header, $(2): its name for those outside
public = sed 's|"handlers/http/sluice_handler.h"|<sluice/handler.h>|' $(1) | install -m 644 /dev/stdin '$(include)/$(2)'

install-handler:
	install -d '$(include)' '$(pkgconfig)'
	install -m 644 handlers/http/sluice_handler.h '$(include)/handler.h'
	$(call public,handlers/http/sluice_json.h,json.h)
	$(call public,handlers/rpc/sluice_rpc.h,rpc.h)
	$(Q)$(call package,sluice-handler,modules of HTTP handlers for sluiced)

manual := $(patsubst docs/%,$(OUT)/%,$(wildcard docs/man/*))
mandir := $(place)/share/man
install-manual: $(manual)
	install -d '$(mandir)/man1' '$(mandir)/man5' '$(mandir)/man8'
	$(Q)for page in $^; do install -m 644 $$page '$(mandir)'/man$${page##*.} || exit 1; done

uninstall:
	cd '$(place)' && rm -f bin/sluiced bin/sluice bin/sluice-bench lib/libsluice.a \
	    lib/pkgconfig/sluice.pc lib/pkgconfig/sluice-handler.pc $(foreach page,$(manual),share/man/man*/$(notdir $(page)))
	rm -rf '$(include)'

clean:
	rm -rf $(BUILD)

# ---- how things are made -----------------------------------------------------------------------
# Rewritten only when it changes: other flags or another compiler rebuild everything.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(compile_flags) | $(link_flags)' | cmp -s - $@ || echo '$(CC) $(compile_flags) | $(link_flags)' > $@

$(OUT)/obj/%.o: %.c $(OUT)/flags
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(compile_flags) -MMD -MP -c -o $@ $<

# An archive also depends on the list of its members: a deleted source leaves it.
define archive_rules
$(OUT)/lib/$(1).list: FORCE
	@mkdir -p $$(@D)
	@echo '$($(1)_c)' | cmp -s - $$@ || echo '$($(1)_c)' > $$@
$(OUT)/lib/$(1).a: $(call objects,$($(1)_c)) $(OUT)/lib/$(1).list
	$$(call say,AR)
	@rm -f $$@
	$(Q)$(AR) qcs $$@ $$(filter %.o,$$^)
endef
$(foreach archive,$(archives),$(eval $(call archive_rules,$(archive))))

link = $(Q)$(CC) $(link_flags) -o $@ $(filter %.o %.a,$^)

$(OUT)/man/%: docs/man/% tools/man.sh $(OUT)/sluiced $(OUT)/sluice $(OUT)/sluice-bench
	$(call say,MAN)
	@mkdir -p $(@D)
	$(Q)SLUICE_BUILD=$(OUT) tools/man.sh $< > $@

# The client library in one object, of which only the functions of sluice.h can be seen; of machine code also with -flto.
one_object := -r -nostdlib $(if $(findstring clang,$(CC)),,-flinker-output=nolto-rel)
$(OUT)/lib/libsluice.a: $(call library,client proto)
	$(call say,AR)
	$(Q)$(CC) $(one_object) -o $(@D)/sluice.o -Wl,--whole-archive $(OUT)/lib/client.a -Wl,--no-whole-archive \
	    $(OUT)/lib/proto.a
	$(Q)objcopy --wildcard --keep-global-symbol='sluice_*' $(@D)/sluice.o
	@rm -f $@
	$(Q)$(AR) qcs $@ $(@D)/sluice.o

$(OUT)/sluiced: $(OUT)/obj/tools/sluiced/main.o $(call library,sluiced handlers reactor offload proto)
	$(call say,LINK)
	$(link) $(LIBS)

$(OUT)/sluice: $(OUT)/obj/tools/sluice/main.o $(call library,sluice client handlers proto)
	$(call say,LINK)
	$(link) -ljansson -lm

$(OUT)/sluice-bench: $(OUT)/obj/tools/bench/main.o $(call library,bench sluiced client reactor offload proto)
	$(call say,LINK)
	$(link) -ljansson -lz $(CORE_LIBS)

$(OUT)/baselines: $(OUT)/obj/tools/bench/baselines/main.o $(call library,baselines proto)
	$(call say,LINK)
	$(link) -ljansson

$(OUT)/bare/detect: $(call library,proto)
$(OUT)/bare/%: $(OUT)/obj/tools/bench/bare/%.o
	$(call say,LINK)
	@mkdir -p $(@D)
	$(link)

everything := $(call library,tests bench sluiced sluice client handlers reactor offload proto)

$(OUT)/tests/test_%: $(OUT)/obj/tests/unit/test_%.o $(everything)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(link) $(CHECK_LIBS) $(LIBS)

ifeq ($(SAN),fuzz)
$(OUT)/tests/fuzz_%: private SANITIZE += -fsanitize=fuzzer
$(OUT)/tests/fuzz_%: $(OUT)/obj/tests/fuzz/fuzz_%.o $(everything)
else
$(OUT)/tests/fuzz_%: $(OUT)/obj/tests/fuzz/fuzz_%.o $(OUT)/obj/tests/fuzz/replay.o $(everything)
endif
	$(call say,LINK)
	@mkdir -p $(@D)
	$(link) $(LIBS)

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
