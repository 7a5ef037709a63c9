#!/bin/sh
# make run: start the quickstart configuration from the installed folder RUN_DIR, make two
# accounts, say how to log in, and stay until Ctrl-C.
set -eu
PATH="$RUN_DIR/bin:$PATH"
state="$RUN_DIR/state"
pid=

stop() {
  trap '' INT TERM
  [ -z "$pid" ] || { kill -TERM "$pid" 2> /dev/null || :; wait "$pid" || :; }
  exit 0
}
trap stop INT TERM

xmpp-up --dev -c "$1" -s "$state" &
pid=$!
xmpp-ctl -s "$state" wait 20
for user in alice bob; do
  if ! xmpp-ctl -s "$state" account list | grep -qx "$user@localhost"; then
    xmpp-ctl -s "$state" --generate account add "$user@localhost" |
      sed 's/^[^ ]* //' > "$state/$user.password"
  fi
done
cat << EOF

tabber is running. Log in as
  alice@localhost   password $(cat "$state/alice.password")
  bob@localhost     password $(cat "$state/bob.password")
to localhost, port 5222 (STARTTLS) or 5223 (direct TLS). The certificate is of its own making:
$state/dev/localhost.pem. For example:
  echo hello | go-sendxmpp -n -u alice@localhost -p $(cat "$state/alice.password") -j localhost:5222 bob@localhost
Administration: $RUN_DIR/bin/xmpp-ctl -s $state sessions. Logs: $state/log. Ctrl-C ends it.
EOF
wait "$pid" || :
