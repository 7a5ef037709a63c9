#!/bin/sh
# make run: start the quickstart configuration from the installed folder RUN_DIR, make two
# accounts, say how to log in, and stay until Ctrl-C. However this script ends, the server ends with
# it: setpriv has the kernel see to that when the script is killed.
#
# USAGE   RUN_DIR=DIR [STATE=DIR] [WAIT=SECONDS] quickstart.sh [--check] CONFIG; --check: the ports alone are looked at
set -eu
[ "$1" = --check ] && only_check=1 && shift || only_check=
config=$1
state="${STATE:-$RUN_DIR/state}"
PATH="$RUN_DIR/sbin:$RUN_DIR/bin:$PATH"
pid=
waiter=

# ---- the ports

# /proc/net/tcp has ADDRESS:PORT, in hexadecimal digits, and the state 0A of those that listen.
is_taken() {
  cat /proc/net/tcp /proc/net/tcp6 2> /dev/null |
    awk -v port="$(printf %04X "$1")" '
      $4 == "0A" && $2 ~ "^(0100007F|0+|0+FFFF00000100007F):" port "$" { n = 1 }
      END { exit !n }'
}

ports=$(sed -n 's/^ *port: *\([0-9][0-9]*\).*/\1/p' "$config")
for port in $ports; do
  ! is_taken "$port" || {
    cat << END >&2
make run: port $port is taken: another XMPP server, or an earlier make run, listens on it.
As root, ss -ltnp 'sport = :$port' names the program. End it, or write other ports into
$config, and run make again.
END
    exit 1
  }
done
[ -z "$only_check" ] || exit 0

# ---- the server

stop() {
  code=$?
  trap '' INT TERM HUP EXIT
  [ -z "$waiter" ] || kill "$waiter" 2> /dev/null || :
  [ -z "$pid" ] || { kill -TERM "$pid" 2> /dev/null || :; wait "$pid" || :; }
  exit "$code"
}
trap stop EXIT
trap 'exit 0' INT TERM
trap 'exit 129' HUP
umask 077 # passwords are in the files of this script; xmpp-up sets modes of its own

# A session of its own: the terminal's signals come here alone, and the server ends in good order.
setsid setpriv --pdeathsig TERM xmpp-up --dev -c "$config" -s "$state" &
pid=$!
xmpp-ctl -s "$state" wait "${WAIT:-20}" &
waiter=$!
while kill -0 "$waiter" 2> /dev/null && kill -0 "$pid" 2> /dev/null; do
  sleep 0.1
done
if ! kill -0 "$pid" 2> /dev/null; then
  kill "$waiter" 2> /dev/null || :
  code=0
  wait "$pid" || code=$?
  pid=
  echo "make run: the server did not start; the reason is above" >&2
  exit "$((code ? code : 1))"
fi
code=0
wait "$waiter" || code=$?
waiter=
if [ "$code" != 0 ]; then
  echo "make run: the server is not ready after ${WAIT:-20} seconds. The last warnings of the logs:" >&2
  tail -q -n 100 "$state"/log/*/current | grep -e ': warning: ' -e ': fatal: ' | tail -n 5 >&2 || :
  exit 1
fi

# ---- the accounts

for user in alice bob; do
  file="$state/$user.password"
  if ! xmpp-ctl -s "$state" account list | grep -qx "$user@localhost"; then
    xmpp-ctl -s "$state" --generate account add "$user@localhost" | sed 's/^[^ ]* //' > "$file"
  fi
  chmod 600 "$file"
done
xmpp-ctl -s "$state" contact add alice@localhost bob@localhost
set -- $ports
ctl="$(command -v xmpp-ctl) -s $state"
cat << END

tabber is running. Log in as
  alice@localhost   password $(cat "$state/alice.password")
  bob@localhost     password $(cat "$state/bob.password")
They know each other, alice administers. Address of bob: xmpp:bob@localhost
In a browser:   http://localhost:$3/converse (the page loads Converse.js from the internet)
In a client:    address and password, server localhost, port $1 (STARTTLS) or $2 (direct TLS), and accept
                the certificate, which is of its own making: $state/dev/localhost.pem
In a shell:     echo hello | go-sendxmpp -n -u alice@localhost -p $(cat "$state/alice.password") -j localhost:$1 bob@localhost
                (install the package go-sendxmpp for this)
A room:         any name at conference.localhost, such as xmpp:tea@conference.localhost?join
To look around: $ctl status
                $ctl sessions
                tail -F $state/log/*/current
One more:       $ctl --generate account add carol@localhost
An invitation:  $ctl invite create localhost

The server can be reached from this machine only. conf/guide.md and conf/production.md make one for
others of it; README.md says what is not there. All files are in $RUN_DIR. Ctrl-C ends it.
END
wait "$pid" || :
