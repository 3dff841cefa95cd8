#!/usr/bin/env bash
# A Slurm of emulated nodes on this machine; needs root, and Debian's slurm-wlm and munge.
#
#   cluster.sh up FOLDER COUNT [OWNER]    bring it up; down again at the latest when process OWNER has ended
#   cluster.sh down FOLDER                take it down; never an error
#   cluster.sh run FOLDER COMMAND…        run on ctl, the node that submits
#   cluster.sh on FOLDER NODE COMMAND…    run on node NODE, a number from 1
#   cluster.sh kill FOLDER NODE           end all that runs on it, its daemon included, at once
#   cluster.sh freeze FOLDER NODE         stop all that runs on it, as a disk that does not answer does
#   cluster.sh link FOLDER NODE up|down   its cable
#   cluster.sh start FOLDER NODE          as new: what still runs there ends, cable and daemon are back
#   cluster.sh shape FOLDER NODE RATE [BURST]      what it sends, and what it is sent, at RATE (tc's: 1gbit, 10mbit)
#   cluster.sh pair FOLDER NODE NODE RATE [BURST]  a cable between two of them alone, at RATE each way
#
# Each node is a slurmd in network, mount and UTS namespaces of its own. All are named after the folder, and so is
# the namespace of the switch that they hang on: clusters never meet, nor the machine's own network. Traps:
# - ip netns exec mounts /sys anew, which kills slurmd: nsenter --net, with unshare --uts --mount, does not.
# - Names must resolve on every node, or rendezvous hangs: /etc/hosts is bound over in the mount namespaces.
# - No cgroups are needed with ProctrackType=proctrack/linuxproc and TaskPlugin=task/none.
# - A kernel may have no scheduler of packets but tbf, which knows no destinations: a slow pair gets its own cable.
set -Eeuo pipefail

[ "$#" -ge 2 ] || { sed -n '2,14s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
action=$1 folder=$(realpath -m -- "$2")
shift 2
prefix=fc$(printf '%s' "$folder" | sha256sum | cut -c1-10)
subnet=10.77.0

name() { if [ "$1" = 0 ]; then echo ctl; else echo "n$1"; fi; }
space() { echo "$prefix-$(name "$1")"; }
spaces() { ip netns list | awk -v start="$prefix-" 'index($1, start) == 1 { print $1 }'; }
address() { echo "$subnet.$(($1 + 2))"; }

in_node() { # number, command…
  local number=$1
  shift
  # shellcheck disable=SC2016 # the inner shell is the one to read them
  SLURM_CONF="$folder/slurm.conf" nsenter --net="/run/netns/$(space "$number")" \
    unshare --uts --mount --propagation=private \
    bash -c 'hostname "$0" && mount --bind "$1" /etc/hosts && shift && exec "$@"' \
    "$(name "$number")" "$folder/hosts" "$@"
}

write_files() { # count
  local count=$1 number
  mkdir -p "$folder"/{state,munge,log} && chmod 755 "$folder" "$folder"/{state,log}
  dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
  chmod 700 "$folder/munge" && chmod 400 "$folder/munge/key"
  echo '127.0.0.1 localhost' >"$folder/hosts"
  for number in $(seq 0 "$count"); do
    echo "$(address "$number") $(name "$number")" >>"$folder/hosts"
    mkdir -p "$folder/spool/$(name "$number")"
  done
  # Two GPUs a node that nothing ever opens, null devices whose numbers become CUDA_VISIBLE_DEVICES.
  mknod "$folder/gpu0" c 1 3 && mknod "$folder/gpu1" c 1 3
  echo "Name=gpu Type=fake File=$folder/gpu[0-1]" >"$folder/gres.conf"
  cat >"$folder/slurm.conf" <<CONF
ClusterName=$prefix
SlurmctldHost=ctl
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=15
KillWait=2
InactiveLimit=0
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=n[1-$count] CPUs=1 RealMemory=500 Gres=gpu:fake:2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=EXCLUSIVE
CONF
}

up() { # count, owner
  local count=$1 number
  trap down ERR
  write_files "$count"
  if [ -n "${2:-}" ]; then
    # Whoever is killed takes nothing down itself.
    # shellcheck disable=SC2016 # the inner shell is the one to read them
    setsid bash -c 'tail --pid="$0" -f /dev/null; exec "$1" down "$2"' "$2" "$(realpath -- "$0")" "$folder" \
      </dev/null >/dev/null 2>&1 &
    echo $! >"$folder/watcher"
  fi
  ip netns add "$prefix-switch"
  ip -n "$prefix-switch" link add switch type bridge
  ip -n "$prefix-switch" link set switch up
  for number in $(seq 0 "$count"); do
    ip netns add "$(space "$number")"
    ip -n "$prefix-switch" link add "port$number" type veth peer name eth0 netns "$(space "$number")"
    ip -n "$prefix-switch" link set "port$number" master switch up
    ip -n "$(space "$number")" address add "$(address "$number")/24" dev eth0
    ip -n "$(space "$number")" link set lo up
    ip -n "$(space "$number")" link set eth0 up
  done
  in_node 0 munged --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
    --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" --force
  in_node 0 slurmctld
  for number in $(seq 1 "$count"); do start "$number"; done
}

start() { in_node "$1" slurmd -N "$(name "$1")"; }

end_all_in() { # namespace
  local pids left=50
  while ((left--)); do
    pids=$(ip netns pids "$1" 2>/dev/null) || true
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086 # a word each
    kill -9 $pids 2>/dev/null || true
    sleep 0.1
  done
  echo "cluster.sh: $1 still holds $pids" >&2
}

signal_all_in() { # signal, namespace
  # shellcheck disable=SC2046 # a word each
  kill "-$1" $(ip netns pids "$2")
}

down() {
  local one watcher
  trap - ERR
  for one in $(spaces); do
    end_all_in "$one"
    ip netns delete "$one" || true
  done
  watcher=$(cat -- "$folder/watcher" 2>/dev/null) || true
  rm -f -- "$folder/watcher"
  # It may be the watcher itself that is here.
  if [ -n "$watcher" ] && [ "$watcher" != $$ ]; then kill -- "-$watcher" 2>/dev/null || true; fi
}

# Token buckets. What they hold goes through at once, so it must be small beside what is sent; a bucket of less than a
# millisecond is filled too seldom on a machine that others load, too.
limited() { # namespace, device, rate, burst
  tc -n "$1" qdisc replace dev "$2" root tbf rate "$3" burst "${4:-128kb}" latency 100ms
}

shape() { # number, rate, burst
  limited "$(space "$1")" eth0 "${@:2}"
  limited "$prefix-switch" "port$1" "${@:2}"
}

pair() { # number, number, rate, burst
  local first second
  first=$(space "$1") second=$(space "$2")
  ip -n "$first" link add "to$2" type veth peer name "to$1" netns "$second"
  ip -n "$first" link set "to$2" up
  ip -n "$second" link set "to$1" up
  ip -n "$first" route add "$(address "$2")/32" dev "to$2" src "$(address "$1")"
  ip -n "$second" route add "$(address "$1")/32" dev "to$1" src "$(address "$2")"
  limited "$first" "to$2" "${@:3}"
  limited "$second" "to$1" "${@:3}"
}

case "$action" in
  up) up "$@" ;;
  down) down ;;
  run) in_node 0 "$@" ;;
  on) in_node "$@" ;;
  kill) end_all_in "$(space "$1")" ;;
  link) ip -n "$prefix-switch" link set "port$1" "$2" ;;
  freeze) signal_all_in STOP "$(space "$1")" ;;
  start)
    end_all_in "$(space "$1")"
    ip -n "$prefix-switch" link set "port$1" up
    start "$1"
    ;;
  shape) shape "$@" ;;
  pair) pair "$@" ;;
  *) echo "cluster.sh: no action $action; called alone it tells them" >&2 && exit 2 ;;
esac
