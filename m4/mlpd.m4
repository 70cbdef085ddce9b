# MLPD_TRY_CFLAGS(VARIABLE, FLAGS): keep in VARIABLE the flags the compiler takes, each tried
# beside those before it (-Wformat-security wants -Wformat).
AC_DEFUN([MLPD_TRY_CFLAGS], [
  $1=
  for mlpd_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether $CC takes $mlpd_flag])
    mlpd_save=$CFLAGS
    CFLAGS="$CFLAGS -Werror $$1 $mlpd_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
      [$1="$$1 $mlpd_flag"; AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no])])
    CFLAGS=$mlpd_save
  done])

# MLPD_TRY_LDFLAGS(VARIABLE, FLAGS): the same for the linker.
AC_DEFUN([MLPD_TRY_LDFLAGS], [
  $1=
  for mlpd_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether the linker takes $mlpd_flag])
    mlpd_save=$LDFLAGS
    mlpd_save_c=$CFLAGS
    CFLAGS="$CFLAGS -fPIE"
    LDFLAGS="$LDFLAGS $mlpd_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
      [$1="$$1 $mlpd_flag"; AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no])])
    LDFLAGS=$mlpd_save
    CFLAGS=$mlpd_save_c
  done])

# MLPD_PKG(VARIABLE, PKG-CONFIG MODULE, DEBIAN PACKAGE)
AC_DEFUN([MLPD_PKG], [
  PKG_CHECK_MODULES([$1], [$2], [], [mlpd_missing="$mlpd_missing $3"])])

# MLPD_LIB(VARIABLE, HEADER, LIBRARY, FUNCTION, DEBIAN PACKAGE): for what has no .pc file.
AC_DEFUN([MLPD_LIB], [
  AC_CHECK_HEADER([$2],
    [AC_CHECK_LIB([$3], [$4], [$1_LIBS="-l$3"], [mlpd_missing="$mlpd_missing $5"])],
    [mlpd_missing="$mlpd_missing $5"])
  AC_SUBST([$1_LIBS])])
