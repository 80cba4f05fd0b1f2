#!/bin/sh
# A directory of this machine worked on in a session: there, a command, and what came of it back.
# Plain rsync and ssh, as `holdfast config-ssh` sets them up: a hub that dies, a network that
# changes and a session that is paused meanwhile are a longer wait, for both.
#
#   npx holdfast config-ssh
#   sh examples/ssh-rsync/sync.sh demo ./project 'make test'
set -eu
[ $# -eq 3 ] || { echo "usage: sync.sh SESSION DIRECTORY COMMAND" >&2; exit 2; }
host=$1.holdfast
directory=$2
place=work/$(basename "$directory")
# One connection for all three. In the home directory: a socket's path must be short.
control=$HOME/.holdfast-sync-$$
RSYNC_RSH="${RSYNC_RSH:-ssh} -o ControlMaster=auto -o ControlPersist=60 -S $control"
export RSYNC_RSH
trap '$RSYNC_RSH -q -O exit "$host" 2>/dev/null || :' EXIT

# Words of $RSYNC_RSH are words, as rsync takes them.
$RSYNC_RSH "$host" "mkdir -p '$place'"
rsync -a --delete "$directory/" "$host:$place/"
status=0
$RSYNC_RSH "$host" "cd '$place' && $3" || status=$?
rsync -a "$host:$place/" "$directory/"
exit $status
