# etc: units for systemd, and the configuration file with every option as a comment (which
# tests/unit/check_options holds to src/mlpd/options.def)
EXTRA_DIST += etc/mlpd.conf etc/mlpd.service.in etc/mlpd.socket
CLEANFILES += etc/mlpd.service

etc/mlpd.service: etc/mlpd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc && \
	$(SED) -e 's|[@]bindir[@]|$(bindir)|g' -e 's|[@]sysconfdir[@]|$(sysconfdir)|g' \
	    $(srcdir)/etc/mlpd.service.in >$@.part && mv -f $@.part $@

if SYSTEMD
systemdsystemunit_DATA = etc/mlpd.service etc/mlpd.socket
endif

# What a person has changed stays: it is neither written over nor removed.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/mlpd'
	test -e '$(DESTDIR)$(sysconfdir)/mlpd/mlpd.conf' || \
	    $(INSTALL_DATA) $(srcdir)/etc/mlpd.conf '$(DESTDIR)$(sysconfdir)/mlpd/mlpd.conf'
uninstall-local:
	! cmp -s $(srcdir)/etc/mlpd.conf '$(DESTDIR)$(sysconfdir)/mlpd/mlpd.conf' || \
	    rm -f '$(DESTDIR)$(sysconfdir)/mlpd/mlpd.conf'

dist_check_SCRIPTS += scripts/check-unit
TESTS += scripts/check-unit
