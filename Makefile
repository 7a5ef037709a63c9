# tabber: make | make deps | make run | make check [SAN=1] | make fuzz T=record | make tidy
#         make check-clients | make check-peers | make check-trixie | make hostile | make bless [T=pattern] | make bench [PEERS="ejabberd prosody jabberd2"] [ROWS=chat] [ROUNDS=3] [SECONDS=5]
#         make install [PREFIX=] [DESTDIR=] | make uninstall [PREFIX=] [DESTDIR=] | make clean
# Everything that is made lies in build/ (build/san/ with SAN=1). A folder in bin/ is a
# program, a folder in lib/ an archive; bin/PROGRAM/parts is a program's import list.

VERSION := 0.1
PREFIX ?= /usr/local
# The folder below PREFIX of the administrator's programs; the tests want all programs in bin.
SBIN ?= sbin
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
B := $(if $(SAN),build/san,build)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wwrite-strings -Wstrict-prototypes \
  -Wmissing-prototypes -Wmissing-declarations -Wcast-qual -Wpointer-arith -Wformat=2 -Wundef \
  -Wimplicit-fallthrough -Wnull-dereference -Wswitch-enum
HARD := -fstack-protector-strong -fPIE
HARD_LD := -pie -Wl,-z,relro,-z,now
ifeq ($(SAN),)
OPT := -O2 -g -D_FORTIFY_SOURCE=2
else
OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif
CPPFLAGS += -D_GNU_SOURCE -DTABBER_VERSION='"$(VERSION)"' -Ilib -isystem /usr/include/freetype2
CFLAGS_ALL := -std=c11 $(OPT) $(WARN) $(HARD) $(CFLAGS)
# Where lengths come from strangers.
STRICT_AREAS := xml jid record http
LDFLAGS_ALL := $(HARD_LD) $(OPT) $(LDFLAGS)

# What an area needs of Debian's libraries.
EXT_base := -lskarnet
EXT_access := -lpcre2-8
EXT_caps := -lcrypto
EXT_convert := -lcrypto
EXT_certname := -lcrypto
EXT_password := -lm
EXT_xml := -lexpat
EXT_jid := -lidn
EXT_store := -llmdb
EXT_pubsub := -lcrypto
EXT_scram := -lcrypto -lidn
EXT_push := -lcrypto
EXT_slots := -lcrypto
EXT_yaml := -lyaml

# Ranks: an area includes only areas before it in this list (make layers).
AREAS := base nets certname password event record settings access http link ban interest splice xml caps stream jid convert form stanza edge sm store accounts roster profile pubsub slots push archive scram keys yaml online ask erase handle mam service

# bin/PROGRAM/parts: the areas that a program links, highest first, and libraries of its own.

PROGRAMS := $(notdir $(patsubst %/,%,$(wildcard bin/*/)))
parts = $(file < bin/$(1)/parts)
$(foreach p,$(PROGRAMS),$(eval LIBS_$(p) := $(filter-out -l%,$(call parts,$(p)))))
$(foreach p,$(PROGRAMS),$(eval EXT_$(p) := $(filter -l%,$(call parts,$(p)))))
LIBDIRS := $(notdir $(patsubst %/,%,$(wildcard lib/*/)))

# make run and make check compile on all processors; a -j of the caller's holds instead.
ALL_AT_ONCE = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: all programs warnings deps deps-test deps-tidy run check check-clients check-peers check-trixie soak hostile bless bench \
  tests-lib fuzz tidy layers install uninstall clean
all: programs $(if $(wildcard service),$(B)/share/tabber/service)

# xmpp-up finds the service directories beside the programs, here as after make install.
$(B)/share/tabber/service: $(wildcard service/*/* service/*/log/*)
	@mkdir -p $@
	@cp -R service/. $@
	@touch $@

lib_src = $(wildcard lib/$(1)/*.c)
bin_src = $(wildcard bin/$(1)/*.c)
objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

# $(call compile,command): a newer compiler's warning ends no build. The command's warnings are
# shown, and kept beside what it makes, for `make warnings`.
compile = @$(1) 2> $@.warn || { cat $@.warn >&2; rm -f $@.warn; exit 1; }; \
  if [ -s $@.warn ]; then cat $@.warn >&2; else rm -f $@.warn; fi

define AREA
$(B)/lib/$(1).a: $(call objs,$(call lib_src,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
endef
$(foreach a,$(LIBDIRS),$(eval $(call AREA,$(a))))

define PROGRAM
$(B)/bin/$(1): bin/$(1)/parts $(call objs,$(call bin_src,$(1))) $(foreach a,$(LIBS_$(1)),$(B)/lib/$(a).a)
	@mkdir -p $$(@D)
	@echo '  link $$@'
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) \
	  $(EXT_$(1)) $(sort $(foreach a,$(LIBS_$(1)),$(EXT_$(a)))) $(EXT_base)
programs: $(B)/bin/$(1)
endef
$(foreach p,$(PROGRAMS),$(eval $(call PROGRAM,$(p))))

$(foreach a,$(STRICT_AREAS),$(eval $(B)/obj/lib/$(a)/%.o: CFLAGS_ALL += -Wconversion))

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo '  cc   $<'
	$(call compile,$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# Fails when a warning was given for anything that is built: make check and make tidy ask.
COMPILED = $(call objs,$(wildcard bin/*/*.c lib/*/*.c)) $(TESTS_LIB) $(B)/bench/archive-append $(B)/gen/records-man
warnings: all tests-lib
	@kept=`ls $(COMPILED:=.warn) 2> /dev/null`; [ -z "$$kept" ] || { cat $$kept; exit 1; }

# ---- what the machine needs ----

# The libraries come with their -dev packages, whose names are the same in Debian 12 and 13.
DEPS_RUN := s6 dns-root-data fonts-dejavu-core
DEPS_BUILD := gcc make libc6-dev skalibs-dev libssl-dev libexpat1-dev libyaml-dev liblmdb-dev libidn-dev libpcre2-dev libunbound-dev libfreetype-dev libpng-dev libwslay-dev libqrencode-dev libsqlite3-dev
DEPS_TEST := libcmocka-dev curl python3 python3-slixmpp python3-aiohttp go-sendxmpp openssl runit procps util-linux unbound ldnsutils
# Unpacked and not installed (tests/unpack.sh).
DEPS_FRONT := caddy nginx nginx-common
DEPS_CLIENTS := tmux profanity poezio mcabber bitlbee dino-im gajim psi-plus chromium chromium-driver xvfb \
  xdotool dbus libglib2.0-bin iproute2
# Debian 13 has it no more; its test is left out there.
DEPS_CLIENTS_12 := gajim-omemo python3-aioxmpp finch libstrophe-dev libgloox-dev libqxmpp-dev g++ pkg-config
DEPS_PEERS := biboumi ngircd prosody lua-unbound lua-dbi-sqlite3 ejabberd unbound iproute2 \
  tmux profanity dino-im xvfb xdotool dbus
DEPS_TIDY := clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev groff-base

# $(call need,packages): installs those that are missing when root, else says the command.
apt = DEBIAN_FRONTEND=noninteractive apt-get $(1) -y -qq --no-install-recommends
need = @missing=`for p in $(1); do dpkg -s $$p 2>/dev/null | grep -q '^Status: install ok' || echo $$p; done`; \
  [ -z "$$missing" ] || { [ `id -u` = 0 ] && { command -v apt-get > /dev/null && \
    { apt-get update -qq && $(call apt,install) $$missing > /dev/null; }; } || \
    { echo "missing: apt-get install --no-install-recommends" $$missing; exit 1; }; }
# $(call offered,packages): those of them that apt knows.
offered = $(shell for p in $(1); do apt-cache show $$p > /dev/null 2>&1 && echo $$p; done)

# The programs are built and run with an expat of before its security update too; where apt has
# the update, root gets it.
deps:
	$(call need,$(DEPS_RUN) $(DEPS_BUILD))
	@grep -qs XML_SetReparseDeferralEnabled `dpkg -L libexpat1 | grep 'so\.1$$'` || [ `id -u` != 0 ] || \
	  { apt-get update -qq && $(call apt,install --only-upgrade) libexpat1 libexpat1-dev; } > /dev/null 2>&1 || \
	  echo "libexpat1 is without its security update, and apt brings none"

deps-test: deps
	$(call need,$(DEPS_TEST))
	@sh tests/unpack.sh build/debian $(DEPS_FRONT)

deps-tidy: deps
	$(call need,$(DEPS_TIDY) libcmocka-dev)

# ---- trying it out ----

# Root's programs run as users of their own, who must be able to enter the folder.
RUN_DIR := $(if $(filter 0,$(shell id -u)),/var/lib/tabber-quickstart,$(CURDIR)/build/quickstart)

run:
	@RUN_DIR=$(RUN_DIR) sh tests/quickstart.sh --check conf/quickstart.yml
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory $(ALL_AT_ONCE) install PREFIX=$(RUN_DIR) DESTDIR= SBIN=sbin
	@RUN_DIR=$(RUN_DIR) setpriv --pdeathsig TERM sh tests/quickstart.sh conf/quickstart.yml

# ---- tests ----

TESTS_LIB := $(patsubst tests/lib/%.c,$(B)/tests/lib/%,$(wildcard tests/lib/*/*.c))
ALL_LIBS := $(foreach a,$(LIBDIRS),$(B)/lib/$(a).a)
ALL_EXT := $(sort $(foreach a,$(LIBDIRS),$(EXT_$(a)))) -lcrypto -lidn -lskarnet -lm

$(B)/tests/lib/%: tests/lib/%.c $(ALL_LIBS)
	@mkdir -p $(@D)
	@echo '  test $<'
	$(call compile,$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< -Xlinker --start-group \
	  $(ALL_LIBS) -Xlinker --end-group $(ALL_EXT) -lcmocka)

check: deps-test
	@$(MAKE) --no-print-directory $(ALL_AT_ONCE) all tests-lib
	@MAKE='$(MAKE)' sh tests/check.sh $(B)

# The example of a service in C (conf/service.md).
EXAMPLE_PARTS := $(file < conf/echod/parts)
$(B)/example/xmpp-echod: $(B)/obj/conf/echod/xmpp-echod.o $(foreach a,$(EXAMPLE_PARTS),$(B)/lib/$(a).a)
	@mkdir -p $(@D)
	@echo '  link $@'
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(sort $(foreach a,$(EXAMPLE_PARTS),$(EXT_$(a)))) $(EXT_base)

tests-lib: $(B)/example/xmpp-echod
tests-lib: $(TESTS_LIB) $(B)/bench/archive-append

check-clients: deps-test all
	$(call need,$(DEPS_CLIENTS) $(call offered,$(DEPS_CLIENTS_12)))
	@tests/whole/run $(B)/bin --clients

# Servers of other makers, with clients at both ends too; gateways, as components.
check-peers: deps-test all
	$(call need,$(DEPS_PEERS))
	@tests/whole/run --peers $(B)/bin

# make check-trixie: make run and make check in Debian 13, a chroot that stays in build/trixie.
check-trixie:
	$(call need,debootstrap)
	@sh tests/trixie.sh build/trixie

# make soak [SECONDS=600]: mixed load, a deaf crowd, a herd, killing.
soak: SECONDS = 600
soak: all deps-test
	@SOAK_SECONDS=$(SECONDS) tests/soak/run $(B)/bin

# make hostile [SHAPES=pattern]: what hostile input costs. tests/hostile/run --small takes a minute.
SHAPES ?=
hostile: all deps-test
	@d=`mktemp -d` && trap 'rm -rf "$$d"' EXIT && chmod 755 "$$d" && \
	  $(MAKE) -s install PREFIX="$$d" DESTDIR= SBIN=bin && tests/hostile/run "$$d/bin" '$(value SHAPES)'

# make bless [T=pattern]: what came of the pipe tests is written as what is expected.
bless: all
	@tests/pipe/run --bless $(B)/bin '$(value T)'

# make bench: the rows of tests/bench/rows whose names have the pattern ROWS; PEERS are
# installed, and measured in turn with tabber.
PEERS ?=
ROWS ?=
ROUNDS ?= 3
BENCH_LIBS := $(B)/lib/archive.a $(B)/lib/store.a $(B)/lib/base.a

$(B)/bench/archive-append: tests/bench/archive-append.c $(BENCH_LIBS)
	@mkdir -p $(@D)
	@echo '  bench $<'
	$(call compile,$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(EXT_store) $(EXT_base))

bench: SECONDS ?= 5
bench: deps all $(B)/bench/archive-append
	$(call need,python3 openssl util-linux)
	@d=`mktemp -d` && trap 'rm -rf "$$d"' EXIT && chmod 755 "$$d" && \
	  $(MAKE) -s install PREFIX="$$d" DESTDIR= SBIN=bin && \
	  tests/bench/run -p "$(PEERS)" -r '$(value ROWS)' -n $(ROUNDS) -t $(SECONDS) -o $(B)/bench "$$d/bin"

# make fuzz T=record [SECONDS=60]
fuzz: T ?= record
fuzz: SECONDS ?= 60
# xmpp-mucd and xmpp-pushd have names of their own that lib/interest, which they do not need, has too.
FUZZ_SRC := $(filter-out $(if $(filter mucd push,$(T)),lib/interest/%),$(wildcard lib/*/*.c)) \
  $(if $(filter stream sasl2,$(T)),$(filter-out %/xmpp-c2sd.c,$(wildcard bin/xmpp-c2sd/*.c))) \
  $(if $(filter s2s,$(T)),$(filter-out %/xmpp-s2sd.c,$(wildcard bin/xmpp-s2sd/*.c))) \
  $(if $(filter srv,$(T)),bin/xmpp-dnsd/srv.c) \
  $(if $(filter push,$(T)),$(filter-out %/xmpp-pushd.c,$(wildcard bin/xmpp-pushd/*.c))) \
  $(if $(filter mucd,$(T)),$(filter-out %/xmpp-mucd.c,$(wildcard bin/xmpp-mucd/*.c))) \
  $(if $(filter web,$(T)),$(filter-out %/xmpp-webd.c,$(wildcard bin/xmpp-webd/*.c)))

# The oracle of the target http, where apt has it.
DEPS_FUZZ = $(call offered,libhttp-parser-dev)

fuzz: deps-tidy
	$(call need,$(DEPS_FUZZ))
	@mkdir -p build/fuzz/$(T)
	clang-14 $(CPPFLAGS) -std=c11 -O1 -g -fsanitize=fuzzer,address,undefined \
	  -fno-sanitize-recover=undefined -o build/fuzz/$(T).bin tests/fuzz/$(T).c $(FUZZ_SRC) \
	  $(ALL_EXT) $(sort $(foreach a,$(LIBDIRS),$(EXT_$(a)))) $(if $(filter http,$(T)),$(DEPS_FUZZ:libhttp-parser-dev=-lhttp_parser)) $(if $(filter web,$(T)),-lwslay)
	build/fuzz/$(T).bin -max_total_time=$(SECONDS) -timeout=10 -print_final_stats=1 \
	  -artifact_prefix=build/fuzz/ build/fuzz/$(T) tests/fuzz/seeds/$(T)

# ---- looking after the code ----

SOURCES := $(wildcard bin/*/*.[ch] lib/*/*.[ch] lib/*/*/*.[ch] tests/lib/*/*.c tests/fuzz/*.[ch] tests/bench/*.c)

READMES := $(wildcard README.md */README.md)
SCRIPTS := $(wildcard tests/*.py tests/*/*.py tests/*/*/*.py tests/*.sh tests/*/run tests/pipe/tools/* \
  conf/*.sh service/daemon/run service/daemon/finish service/daemon/log/run)
PAGES := $(wildcard bin/*/*.[158] lib/*/*.[57] service/*.7) $(B)/man/tabber-ejabberd.yml.5 $(B)/man/xmpp-records.7 $(B)/man/xmpp-log.7

tidy: all deps-tidy layers warnings
	@clang-format-14 --dry-run -Werror $(SOURCES)
	@sh tests/tidy.sh
	@tests/openings.py $(SOURCES) $(PAGES) $(READMES) $(SCRIPTS) > $(B)/openings || \
	  { cat $(B)/openings; exit 1; }
	@tests/pages.py $(PAGES)
	@tests/circles.py $(B)/obj/bin
	@$(MAKE) --no-print-directory -s -k $(ALL_AT_ONCE) linted

# A file is looked at again when its object is older than the file or a header of it.
$(B)/tidy/%: %.c .clang-tidy $(B)/obj/%.o
	@clang-tidy-14 --quiet $< -- $(CPPFLAGS) -std=c11 2>/dev/null
	@mkdir -p $(@D)
	@touch $@
linted: $(patsubst %.c,$(B)/tidy/%,$(filter %.c,$(filter bin/% lib/%,$(SOURCES))))
.PHONY: linted

layers:
	@sh tests/layers.sh $(AREAS)

# ---- manual pages, installing ----

$(B)/gen/records-man: lib/record/man/records-man.c $(B)/lib/record.a $(B)/lib/base.a
	@mkdir -p $(@D)
	$(call compile,$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ -lskarnet)

$(B)/man/xmpp-records.7: $(B)/gen/records-man
	@mkdir -p $(@D)
	@$< > $@

$(B)/man/tabber-ejabberd.yml.5: $(B)/bin/xmpp-confgen conf/man.awk conf/man.options
	@mkdir -p $(@D)
	@$< list | awk -f conf/man.awk conf/man.options - > $@

LOG_MAN = lib/base/man/log.awk lib/base/man/events

$(B)/man/xmpp-log.7: $(LOG_MAN) $(wildcard bin/*/*.c lib/*/*.c)
	@mkdir -p $(@D)
	@awk -f $(LOG_MAN) $(wildcard bin/*/*.c lib/*/*.c) > $@

all: $(B)/man/tabber-ejabberd.yml.5 $(B)/man/xmpp-log.7

all: $(if $(wildcard lib/record/man),$(B)/man/xmpp-records.7)

ADMIN := xmpp-confgen xmpp-ctl xmpp-up
TO = $(DESTDIR)$(PREFIX)
UNIT := lib/systemd/system/tabber.service
# Paths below PREFIX: of what make install makes and make uninstall takes away, beside the folders
# of our own; and of what earlier versions made.
INSTALLED = $(filter-out $(ADMIN:%=bin/%),$(PROGRAMS:%=bin/%)) $(ADMIN:%=$(SBIN)/%) $(UNIT) \
  $(foreach p,$(PAGES),share/man/man$(lastword $(subst ., ,$(p)))/$(notdir $(p)))
OLD = $(filter-out $(INSTALLED),$(ADMIN:%=bin/%) $(ADMIN:%=share/man/man1/%.1) share/man/man5/ejabberd.yml.5)

# $(call put,mode,folder,files): each file takes its place by rename, and only if it is another
# than the one there. So programs may run meanwhile, and xmpp-ctl upgrade finds what has changed.
put = umask 022 && mkdir -p '$(TO)/$(2)' && for f in $(3); do t='$(TO)/$(2)'/$${f\#\#*/}; \
  cmp -s $$f "$$t" || { cp $$f "$$t.new" && chmod $(1) "$$t.new" && mv -f "$$t.new" "$$t"; } || exit 1; done

$(B)/tabber.service: conf/tabber.service
	@mkdir -p $(@D)
	@sed 's|/usr/local/sbin|$(PREFIX)/$(SBIN)|' $< > $@
.PHONY: $(B)/tabber.service

# Folders of the sources are not installed: the page names the manual pages in their place.
$(B)/README.md: README.md
	@sed -e '/^!\[.*\](tests/d' -e 's!^| the programs, .*!| the programs, their records, supervision | the manual page of each, as xmpp-tlsd(8); xmpp-records(7); [service](service/README.md) |!' \
	  -e 's|\[\([^]]*\)\]([a-z]*/[^)]*README.md) has|\1 of the sources has|' $< > $@
.PHONY: $(B)/README.md

install: all $(B)/tabber.service $(B)/README.md
	@$(call put,755,bin,$(filter-out $(ADMIN:%=$(B)/bin/%),$(PROGRAMS:%=$(B)/bin/%)))
	@$(call put,755,$(SBIN),$(ADMIN:%=$(B)/bin/%))
	@$(call put,755,share/tabber/service/daemon,service/daemon/run service/daemon/finish)
	@$(call put,644,share/tabber/service/daemon,service/daemon/notification-fd)
	@$(call put,755,share/tabber/service/daemon/log,service/daemon/log/run)
	@$(call put,644,share/tabber/conf,$(wildcard conf/*.yml conf/*.json conf/*.sh))
	@$(call put,644,share/tabber/conf/echod,$(wildcard conf/echod/*))
	@$(call put,644,share/tabber/conf/fail2ban/filter.d,$(wildcard conf/fail2ban/filter.d/*))
	@$(call put,644,share/tabber/conf/fail2ban/jail.d,$(wildcard conf/fail2ban/jail.d/*))
	@$(call put,644,share/doc/tabber,$(B)/README.md LICENSE)
	@$(call put,644,share/doc/tabber/conf,$(wildcard conf/*.md conf/*.yml conf/*.json conf/*.sh) $(B)/tabber.service)
	@$(call put,644,share/doc/tabber/conf/echod,$(wildcard conf/echod/*.c))
	@$(call put,644,share/doc/tabber/conf/fail2ban/filter.d,$(wildcard conf/fail2ban/filter.d/*))
	@$(call put,644,share/doc/tabber/conf/fail2ban/jail.d,$(wildcard conf/fail2ban/jail.d/*))
	@$(call put,644,share/doc/tabber/service,service/README.md)
	@$(call put,644,$(patsubst %/,%,$(dir $(UNIT))),$(B)/tabber.service)
	@$(foreach s,1 5 7 8,$(call put,644,share/man/man$(s),$(filter %.$(s),$(PAGES))) &&) :
	@cd '$(TO)' && for f in $(OLD); do ! grep -qsi tabber $$f || rm -f $$f; done

uninstall:
	@cd '$(TO)' && rm -rf $(INSTALLED) share/tabber share/doc/tabber

clean:
	rm -rf build
