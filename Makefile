# SPDX-License-Identifier: MIT
#
# make              the programs, optimised: build/release/fetchd fetchctl fetchbench origin
# make demo         installs what it needs, builds, fetches 1,000 URLs from a private nginx
#                   (URLS=FILE: your own list, no nginx)
# make test         installs what tests need, builds every mode, runs lint and all tests
# make check        the unit tests of the debug build alone: what to run while editing
# make lint         floors, formatting, forbidden words, sizes, warnings of gcc and clang
# make bench-runtime   the runtime's micro benchmarks beside Go's, where Go is installed, as one table
#                   (BENCH=REGEXP picks rows, REPS=5); about seven minutes
# make install      PREFIX (/usr/local) and DESTDIR are honoured
# make deps, deps-test   only the Debian packages; instant when they are there
#
# make race         the race detector's build, all unit tests five times (TESTS=WORD: those alone)
# make soak         unit tests of MODE N=20 times, the runtime's on 1, 2 and 4 processors (TESTS=WORD)
# make model        the lock-free parts under the model checker alone; DEPTH=2 looks further
#
# MODE=debug|release|asan|tsan|race|ubsan|fuzz|model|aarch64 builds into build/$(MODE)/ (aarch64: the
# runtime and its tests alone, by a cross compiler, to be run by qemu). V=1 shows commands. WERROR=1 stops
# at warnings. LLHTTP_DIR=DIR takes llhttp's C sources (8.1 to 9.x) from there instead of from
# Debian's package.
#
# A new .c file is picked up by its place in the tree; nothing here has to be edited for it.

MODE    ?= release
PREFIX  ?= /usr/local
O       := build/$(MODE)
SHELL   := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
MODES := debug release asan tsan race ubsan fuzz model aarch64
$(if $(filter $(MODE),$(MODES)),,$(error MODE=$(MODE) is none of $(MODES)))

# --- Tools and flags ------------------------------------------------------------------------------

CC_tsan    := clang-14
CC_race    := clang-14
CC_fuzz    := clang-14
CC_aarch64 := aarch64-linux-gnu-gcc
ifeq ($(origin CC),default)
CC := $(or $(CC_$(MODE)),gcc)
endif
ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null || uname -m)))

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wvla
FLAGS_debug   := -O1 -DRUNTIME_DEBUG
FLAGS_release := -O2 -D_FORTIFY_SOURCE=2
FLAGS_asan    := -O1 -DRUNTIME_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_fuzz    := $(FLAGS_asan) -fsanitize=fuzzer-no-link
FLAGS_tsan    := -O1 -DRUNTIME_DEBUG -fsanitize=thread
FLAGS_race    := -O1 -DRUNTIME_DEBUG -DSANITIZER_EXPLICIT_EDGES -fsanitize=thread
FLAGS_model   := -O1
FLAGS_aarch64 := -O1 -DRUNTIME_DEBUG
FLAGS_ubsan   := -O1 -DRUNTIME_DEBUG -fsanitize=undefined -fno-sanitize-recover=undefined

LANGUAGE := -std=gnu11 -D_GNU_SOURCE= -I. -isystem build -pthread
# Guards are of 32 KiB: AArch64's gcc would touch a new frame each 64 KiB alone.
HARDEN   := -g -fPIE -fno-omit-frame-pointer -fstack-clash-protection \
	$(if $(filter aarch64,$(ARCH)),--param stack-clash-protection-guard-size=12)
CFLAGS   ?=
ALL_CFLAGS  = $(LANGUAGE) $(HARDEN) $(FLAGS_$(MODE)) $(WARNINGS) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -pthread -rdynamic $(filter -fsanitize=%,$(FLAGS_$(MODE))) \
	-Wl,-z,relro,-z,now,--as-needed $(LDFLAGS)
STRICT   := $(if $(WERROR),-Werror)

# Asked for once, and only when something is compiled: `make deps` works before pkg-config is there.
PKGS       := openssl sqlite3 libcares jansson zlib libbrotlidec libbrotlienc libzstd libidn2 inih
pkg         = $(shell pkg-config $(1) $(PKGS) || echo missing)
found       = $(if $(filter missing,$(1)),$(error libraries are missing: make deps),$(1))
ifneq ($(MODE),aarch64) # the runtime needs none
PKG_CFLAGS  = $(eval PKG_CFLAGS := $(call found,$(call pkg,--cflags)))$(PKG_CFLAGS)
PKG_LIBS    = $(eval PKG_LIBS := $(call found,$(call pkg,--libs)))$(PKG_LIBS)
endif

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

# --- What there is --------------------------------------------------------------------------------

objects = $(patsubst %,$(O)/obj/%.o,$(basename $(1)))
program_objects = $(call objects,$(wildcard $(1)))
programs_of = $(patsubst %.c,$(O)/%,$(wildcard $(1)))
helpers_of = $(call objects,$(filter-out $(1)/$(2)_%,$(wildcard $(1)/*.c)))

RUNTIME  := $(call objects,$(wildcard runtime/*.c runtime/*_$(ARCH).S))
FLOOR0   := $(foreach f,$(shell sed -n 's/^0 //p' tests/lint/floors),\
	$(filter $(O)/obj/runtime/$(f).o $(O)/obj/runtime/$(f)_%.o,$(RUNTIME)))
# The race detector looks at the runtime's users alone (runtime/sanitizer.h).
$(RUNTIME): private FLAGS_race := $(filter-out -fsanitize=%,$(FLAGS_race))
COMMON   := $(call program_objects,src/common/*.c)
LLHTTP   := $(patsubst %,$(O)/obj/llhttp/%.o,llhttp api http)
HTTP     := $(call program_objects,src/http/*.c) $(LLHTTP)
CLIENT   := $(call program_objects,src/client/*.c)
FETCHD   := $(call program_objects,src/fetchd/*.c)
FETCHCTL := $(call program_objects,src/fetchctl/*.c)
FETCHBENCH := $(call program_objects,bench/fetch/fetchbench*.c)
ORIGIN   := $(call program_objects,bench/fetch/origin*.c)

# Archives from the ground up. A program names those that its floor may use: a call upwards fails to
# link.
LIB_RUNTIME := $(O)/libruntime.a
LIB_FLOOR0  := $(O)/libfloor0.a
LIB_COMMON  := $(O)/libcommon.a
LIB_HTTP    := $(O)/libhttp.a
LIB_CLIENT  := $(O)/libclient.a
LIB_FETCHD  := $(O)/libfetchd.a
LIB_FETCHCTL := $(O)/libfetchctl.a
LIB_HARNESS := $(O)/libharness.a

$(LIB_RUNTIME): $(RUNTIME)
$(LIB_FLOOR0): $(FLOOR0)
$(LIB_COMMON): $(COMMON)
$(LIB_HTTP): $(HTTP)
$(LIB_CLIENT): $(CLIENT)
$(LIB_FETCHD): $(filter-out %/main.o,$(FETCHD))
$(LIB_FETCHCTL): $(filter-out %/main.o,$(FETCHCTL))
$(LIB_HARNESS): $(call helpers_of,tests,test)

UP_TO_COMMON := $(LIB_COMMON) $(LIB_RUNTIME)
UP_TO_HTTP   := $(LIB_HTTP) $(UP_TO_COMMON)
UP_TO_CLIENT := $(LIB_CLIENT) $(UP_TO_HTTP)

PROGRAMS := $(if $(FETCHD),$(O)/fetchd) $(if $(FETCHCTL),$(O)/fetchctl) \
	$(if $(FETCHBENCH),$(O)/fetchbench) $(if $(ORIGIN),$(O)/origin)

$(O)/fetchd: $(FETCHD) $(UP_TO_CLIENT)
$(O)/fetchctl: $(FETCHCTL) $(LIB_HTTP) $(LIB_COMMON) $(LIB_FLOOR0)
$(O)/fetchbench: $(FETCHBENCH) $(UP_TO_CLIENT)
$(O)/origin: $(ORIGIN) $(UP_TO_HTTP)

# Every tests/**/test_*.c is a program of its own, linked to the floors of the folder that it
# mirrors. Other .c files of a tests folder are helpers that all its programs may use; those of
# tests/e2e/ are tools for the scenarios, those of tests/runtime/examples/ programs to read and to
# run. So with bench_*.c in bench/runtime/.
# tests/race/ is for the race detector alone: half of its tests are races. tests/client/faults/ puts
# functions in the place of the allocator's, as TSan does. The cross build has the runtime's alone.
TEST_SOURCES := $(filter-out $(if $(filter race,$(MODE)),,tests/race/%) \
	$(if $(filter tsan race,$(MODE)),tests/client/faults/%),\
	$(if $(filter aarch64,$(MODE)),$(wildcard tests/runtime/test_*.c),\
	$(wildcard tests/test_*.c tests/*/test_*.c tests/*/*/test_*.c)))
TEST_PROGRAMS := $(patsubst %.c,$(O)/%,$(TEST_SOURCES))
FOLDERS      := $(sort $(patsubst tests/%/,%,$(filter-out tests/,$(dir $(TEST_SOURCES)))))
FUZZERS      := $(patsubst %.c,$(O)/%,$(wildcard tests/fuzz/fuzz_*.c))
TEST_TOOLS   := $(patsubst %.c,$(O)/%,$(wildcard tests/e2e/*.c))
EXAMPLES     := $(patsubst %.c,$(O)/%,$(wildcard tests/runtime/examples/*.c))
BENCHES      := $(patsubst %.c,$(O)/%,$(wildcard bench/runtime/bench_*.c))

FLOORS_common   := $(UP_TO_COMMON)
FLOORS_http     := $(UP_TO_HTTP)
FLOORS_client   := $(UP_TO_CLIENT)
FLOORS_fetchd   := $(LIB_FETCHD) $(UP_TO_CLIENT)
FLOORS_fetchctl := $(LIB_FETCHCTL) $(UP_TO_HTTP)
floors_of = $(or $(FLOORS_$(firstword $(subst /, ,$(1)))),$(LIB_RUNTIME))
$(call programs_of,tests/test_*.c): $(O)/%: $(O)/obj/%.o $(LIB_HARNESS) $(LIB_RUNTIME)
# A folder in a folder has that one's helpers, too.
outer_helpers_of = $(if $(findstring /,$(1)),$(call helpers_of,tests/$(patsubst %/,%,$(dir $(1))),test))
define folder_rule
$(call programs_of,tests/$(1)/test_*.c): $(O)/%: $(O)/obj/%.o $(call helpers_of,tests/$(1),test) \
	$(call outer_helpers_of,$(1)) $(LIB_HARNESS) $(call floors_of,$(1))
endef
$(foreach folder,$(FOLDERS),$(eval $(call folder_rule,$(folder))))
$(TEST_TOOLS): $(O)/%: $(O)/obj/%.o $(UP_TO_CLIENT)
$(EXAMPLES): $(O)/%: $(O)/obj/%.o $(LIB_RUNTIME)
$(O)/tests/runtime/test_examples: | $(EXAMPLES)
$(FUZZERS): $(O)/%: $(O)/obj/%.o $(UP_TO_CLIENT)
$(FUZZERS): ALL_LDFLAGS += -fsanitize=fuzzer
$(BENCHES): $(O)/%: $(O)/obj/%.o $(call helpers_of,bench/runtime,bench) $(LIB_RUNTIME)

# Every tests/model/model_*.c is a program too, in MODE=model alone: the files that it checks are compiled
# with calls to the engine (the others there) at each access to memory. tests/model/engine.h says how.
MODELS := $(patsubst %.c,$(O)/%,$(wildcard tests/model/model_*.c))
ENGINE := $(call helpers_of,tests/model,model) $(call objects,runtime/switch_$(ARCH).S)
CHECKED := -fsanitize=thread -U__SANITIZE_THREAD__ -fno-inline -fno-optimize-sibling-calls \
	-iquote tests/model/shadow -Drealloc=model_realloc -Dsched_yield=model_sched_yield \
	-Dmemcpy=model_memcpy -Dmemset=model_memset
ifeq ($(MODE),model)
$(RUNTIME) $(call program_objects,tests/model/model_*.c): CFLAGS += $(CHECKED)
endif
$(MODELS): $(O)/%: $(O)/obj/%.o $(ENGINE)
$(O)/tests/model/model_idle: $(patsubst %,$(O)/obj/runtime/%.o,idle handoff machine procs sysmon timer runq note)
$(O)/tests/model/model_lock: $(call objects,runtime/lock.c runtime/note.c)
$(O)/tests/model/model_runq: $(call objects,runtime/runq.c)
$(O)/tests/model/model_select: $(call objects,runtime/chan.c runtime/select.c)
$(O)/tests/model/model_timer: $(call objects,runtime/timer.c)

# --- Building -------------------------------------------------------------------------------------

.PHONY: all tests benches fuzzers models everything archives clean distclean
all: $(PROGRAMS)
tests: $(TEST_PROGRAMS) $(if $(filter aarch64,$(MODE)),,$(TEST_TOOLS) $(EXAMPLES))
benches: $(BENCHES)
fuzzers: $(if $(filter fuzz,$(MODE)),$(FUZZERS))
models: $(if $(filter model,$(MODE)),$(MODELS))
everything: all tests benches
archives: $(LIB_RUNTIME) $(LIB_COMMON) $(LIB_HTTP) $(LIB_CLIENT) $(LIB_FETCHD) $(LIB_FETCHCTL)

$(PROGRAMS) $(TEST_PROGRAMS) $(TEST_TOOLS) $(EXAMPLES) $(FUZZERS) $(MODELS) $(BENCHES):
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(PKG_LIBS)

$(O)/lib%.a:
	$(Q)rm -f $@
	$(Q)ar rcsD $@ $(filter %.o,$^)

# $(O)/flags changes when the compiler or its flags do, and everything is made anew.
$(O)/obj/%.o: %.c $(O)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(STRICT) -MMD -MP -c -o $@ $<

$(O)/obj/%.o: %.S $(O)/flags
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LLHTTP): $(O)/obj/llhttp/%.o: build/llhttp/llhttp.h $(O)/flags
	$(call say,CC,$(<D)/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out $(WARNINGS),$(ALL_CFLAGS)) -c -o $@ $(<D)/$*.c

OURS := $(RUNTIME) $(COMMON) $(filter-out $(LLHTTP),$(HTTP)) $(CLIENT) $(FETCHD) $(FETCHCTL) \
	$(call program_objects,bench/*/*.c tests/*.c tests/*/*.c tests/*/*/*.c)
$(filter-out $(RUNTIME),$(OURS)): | build/llhttp/llhttp.h

.PHONY: force
force:
$(O)/flags: force
	@mkdir -p $(@D)
	@flags='$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)'; \
	[ "$$flags" = "$$(cat $@ 2>/dev/null)" ] || echo "$$flags" >$@

# Debian's package of llhttp, unpacked here: no root, no node. Lists of packages are fetched when
# apt has none yet.
define llhttp_download
	cd build/llhttp/package; \
	apt-get -qq download node-llhttp >log 2>&1 || { \
		$(APT) update >>log 2>&1 || true; \
		apt-get -qq download node-llhttp >>log 2>&1; \
	} || { \
		cat log >&2; \
		echo 'cannot download node-llhttp: set LLHTTP_DIR to the sources of llhttp' >&2; \
		exit 1; \
	}; \
	dpkg-deb -x node-llhttp_*.deb .
endef

build/llhttp/llhttp.h:
	$(call say,GET,llhttp)
	$(Q)rm -rf build/llhttp; mkdir -p build/llhttp/package
	$(if $(LLHTTP_DIR),,$(Q)$(llhttp_download))
	$(Q)find $(or $(LLHTTP_DIR),build/llhttp/package) -type f \
		\( -name llhttp.[ch] -o -name api.c -o -name http.c \) -exec cp -t build/llhttp {} +
	$(Q)version=$$(sed -n 's/^#define LLHTTP_VERSION_M[AI][JN]OR *//p' build/llhttp/llhttp.h | \
		paste -sd.); \
	case $$version in \
	8.[1-9]* | 9.*) ;; \
	*) echo "llhttp is version $$version, want 8.1 to 9.x" >&2; rm -f $@; exit 1 ;; \
	esac
	$(Q)rm -rf build/llhttp/package; touch $@

clean:
	rm -rf $(addprefix build/,$(MODES))

distclean:
	rm -rf build

# --- Debian packages ------------------------------------------------------------------------------

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

DEPS      := gcc libc6-dev pkg-config libssl-dev libsqlite3-dev libc-ares-dev libjansson-dev \
	zlib1g-dev libbrotli-dev libzstd-dev libidn2-dev libinih-dev ca-certificates
DEPS_DEMO := nginx-light openssl
DEPS_TEST := $(DEPS_DEMO) curl jq squid microsocks clang-14 llvm-14 libclang-rt-14-dev clang-format-14 sqlite3 gdb strace \
	util-linux iproute2 procps systemd systemd-container dbus gcc-aarch64-linux-gnu \
	libc6-dev-arm64-cross qemu-user nsd

# $(call install,PACKAGES): those that are missing, and no call of apt-get when none is.
APT = $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0
define install
	@missing=; for p in $(1); do \
		case $$(dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null) in \
		installed) ;; \
		*) missing="$$missing $$p" ;; \
		esac; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	mkdir -p build; \
	echo "  APT  $$missing"; \
	$(APT) update >build/apt.log 2>&1 || \
		echo 'apt-get update failed; trying with the old lists' >&2; \
	$(APT) install -y --no-install-recommends $$missing >>build/apt.log 2>&1 || \
		{ cat build/apt.log >&2; exit 1; }
endef

.PHONY: deps deps-demo deps-test
deps:
	$(call install,$(DEPS))
deps-demo: deps
	$(call install,$(DEPS_DEMO))
deps-test: deps
	$(call install,$(DEPS_TEST))

# --- Running --------------------------------------------------------------------------------------

# On all processors, unless the caller's make already shares out jobs.
build = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

lint_flags = SYNTAX_FLAGS='$(LANGUAGE) $(WARNINGS) $(PKG_CFLAGS) -Werror'

.PHONY: demo test check lint model race soak bench-runtime
demo: deps-demo
	@$(build) MODE=release all
	@URLS='$(URLS)' BUILD=build/release bench/demo.sh

check:
	@$(build) -k MODE=debug tests || true # those that were built are run all the same
	@tests/run debug

lint: build/llhttp/llhttp.h
	@# The archives are for their symbols; what doesn't compile is told by lint itself.
	@$(build) -k MODE=debug archives >/dev/null 2>&1 || true
	@$(lint_flags) tests/lint/run

bench-runtime: deps
	@$(build) MODE=release benches
	@BENCH='$(BENCH)' REPS='$(or $(REPS),5)' BUILD=build/release bench/runtime/compare.sh

test: deps-test
	@$(build) MODE=debug WERROR=1 all tests
	@$(build) MODE=release WERROR=1 everything
	@$(build) MODE=asan WERROR=1 all tests
	@$(build) MODE=tsan WERROR=1 all tests
	@$(build) MODE=race WERROR=1 all tests
	@$(build) MODE=fuzz WERROR=1 fuzzers
	@$(build) MODE=model WERROR=1 models
	@$(build) MODE=aarch64 WERROR=1 tests
	@$(lint_flags) tests/run lint nocompile model debug guards release asan tsan race fuzz aarch64 e2e

model:
	@$(build) MODE=model models
	@tests/run model

# A race that is found only now and then is found here; so is the test that fails now and then.
race:
	@$(build) MODE=race all tests
	@REPEAT=5 tests/run race

soak:
	@$(build) tests
	@REPEAT=$(or $(N),20) PROCS='1 2 4' tests/run $(MODE)

# --- Installing -----------------------------------------------------------------------------------

SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)

# Puts files into a folder below DESTDIR; nothing when there are none.
put = $(if $(strip $(3)),install -D -m $(1) -t '$(DESTDIR)$(2)' $(3))

.PHONY: install
install: all
	$(call put,755,$(PREFIX)/bin,$(O)/fetchd $(O)/fetchctl)
	$(call put,644,$(SYSCONFDIR)/fetchd,$(wildcard config/*.conf))
	$(call put,644,$(PREFIX)/lib/systemd/system,$(wildcard systemd/*.service systemd/*.socket))
	$(call put,644,$(PREFIX)/lib/sysusers.d,$(wildcard systemd/sysusers.d/*.conf))
	$(call put,644,$(PREFIX)/lib/tmpfiles.d,$(wildcard systemd/tmpfiles.d/*.conf))
	$(call put,644,$(PREFIX)/share/man/man1,$(wildcard man/*.1))
	$(call put,644,$(PREFIX)/share/man/man5,$(wildcard man/*.5))
	$(call put,644,$(PREFIX)/share/man/man8,$(wildcard man/*.8))
	@# Where gdb looks for what belongs to a program, when PREFIX is /usr.
	install -D -m 644 runtime/gdb.py \
		'$(DESTDIR)$(PREFIX)/share/gdb/auto-load$(PREFIX)/bin/fetchd-gdb.py'

-include $(OURS:.o=.d)
