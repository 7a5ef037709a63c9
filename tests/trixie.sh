#!/bin/sh
# make check-trixie: make run, a message through the server that it starts, and make check, in a
# chroot of Debian 13 that stays in the folder $1. Root's. Only the packages need a network: what
# runs has a loopback interface of its own, so its ports are nobody else's.
set -eu
cd "$(dirname "$0")/.."

# ---- inside the chroot: one of three steps

run_and_say_hello() {
  out=$(mktemp)
  setsid make run > "$out" 2>&1 &
  pid=$!
  waited=0
  until grep -q 'Ctrl-C ends it' "$out"; do
    waited=$((waited + 1))
    if [ $waited = 600 ] || ! kill -0 $pid 2> /dev/null; then
      cat "$out"
      echo "failed: make run"
      exit 1
    fi
    sleep 1
  done
  # The example that make run gives.
  if sed -n 's/^  \(echo hello .*\)/\1/p' "$out" | timeout 30 sh; then
    echo "make run: a message was sent"
  else
    echo "failed: the example of make run"
    exit 1
  fi
  kill -TERM "-$pid"
  wait $pid 2> /dev/null || :
}

case $1 in
packages)
  make -s deps deps-test
  exit
  ;;
run)
  ip link set lo up
  run_and_say_hello
  exit
  ;;
check)
  ip link set lo up
  exec make -s check
  ;;
esac

# ---- outside

root=$1/root
if [ ! -e "$1/made" ]; then
  # The mirror is that of this machine.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' |
    head -n 1)
  echo "debootstrap of trixie: $1/log"
  rm -rf "$root"
  mkdir -p "$1"
  debootstrap --variant=minbase --include=make,iproute2 trixie "$root" "$mirror" > "$1/log" 2>&1 || {
    tail -n 5 "$1/log"
    exit 1
  }
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d" # packages start nothing
  chmod 755 "$root/usr/sbin/policy-rc.d"
  touch "$1/made"
fi

# The tree as it stands; of what the chroot built before, what is still true is used.
mkdir -p "$root/tabber"
find "$root/tabber" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
tar --exclude=./build --exclude=./.git -cf - . | tar -xf - -C "$root/tabber"
cp /etc/resolv.conf "$root/etc/resolv.conf"

inside() { # a step, in a chroot whose processes and mounts end with it
  step=$1
  shift
  unshare --mount --pid --fork --kill-child "$@" sh -euc '
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
      sh /tabber/tests/trixie.sh "$2"' inside "$root" "$step"
}
inside packages
inside run --net
inside check --net
