#!/usr/bin/env bash
# A Slurm of emulated nodes on this machine; needs root, and Debian's slurm-wlm and munge.
#
#   cluster.sh up FOLDER COUNT       cluster.sh run FOLDER COMMAND…
#   cluster.sh down FOLDER           cluster.sh kill FOLDER NODE
#
# Each node is a slurmd in network, mount and UTS namespaces of its own, on a bridge that only they know. Traps:
# - ip netns exec mounts /sys anew, which kills slurmd: nsenter --net, with unshare --uts --mount, does not.
# - Names must resolve on every node, or rendezvous hangs: /etc/hosts is bound over in the mount namespaces.
# - No cgroups are needed with ProctrackType=proctrack/linuxproc and TaskPlugin=task/none.
set -euo pipefail

action=$1 folder=$(realpath -m -- "$2") count=${3:-2}
tag=$(printf '%s' "$folder" | cksum | cut -c1-5)
bridge=fcb$tag
subnet=10.$((RANDOM % 100 + 100)).$((RANDOM % 250 + 1))

in_node() { # number, command…
  local number=$1
  shift
  nsenter --net="/run/netns/fc$tag-$number" unshare --uts --mount --propagation=private \
    bash -c 'hostname "$0" && mount --bind "$1" /etc/hosts && shift && exec "$@"' \
    "$(name "$number")" "$folder/hosts" "$@"
}
name() { if [ "$1" = 0 ]; then echo ctl; else echo "n$1"; fi; }

write_files() {
  mkdir -p "$folder"/{state,munge,log} && chmod 755 "$folder" "$folder"/{state,log}
  dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
  chmod 700 "$folder/munge" && chmod 400 "$folder/munge/key"
  echo '127.0.0.1 localhost' >"$folder/hosts"
  for number in $(seq 0 "$count"); do
    echo "$subnet.$((number + 2)) $(name "$number")" >>"$folder/hosts"
    mkdir -p "$folder/spool/$(name "$number")"
  done
  cat >"$folder/slurm.conf" <<CONF
ClusterName=flopcensus$tag
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
SlurmdTimeout=20
KillWait=5
InactiveLimit=0
SlurmdParameters=config_overrides
NodeName=n[1-$count] CPUs=1 RealMemory=500 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=EXCLUSIVE
CONF
}

up() {
  write_files
  ip link add "$bridge" type bridge && ip link set "$bridge" up
  for number in $(seq 0 "$count"); do
    local space=fc$tag-$number
    ip netns add "$space"
    ip link add "v$tag-$number" type veth peer name eth0 netns "$space"
    ip link set "v$tag-$number" master "$bridge" up
    ip -n "$space" address add "$subnet.$((number + 2))/24" dev eth0
    ip -n "$space" link set eth0 up && ip -n "$space" link set lo up
  done
  munged --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" --force
  in_node 0 env SLURM_CONF="$folder/slurm.conf" slurmctld
  for number in $(seq 1 "$count"); do
    in_node "$number" env SLURM_CONF="$folder/slurm.conf" slurmd -N "$(name "$number")"
  done
}

down() {
  local pid file space
  for file in "$folder"/slurmd-*.pid "$folder"/slurmctld.pid "$folder"/munge/pid; do
    if pid=$(cat -- "$file" 2>/dev/null) && [ -n "$pid" ]; then kill -- "$pid" 2>/dev/null || true; fi
  done
  sleep 1
  # What is left in the namespaces: steps of jobs, and daemons that did not hear.
  for space in $(ip netns list | awk -v start="fc$tag-" 'index($1, start) == 1 { print $1 }'); do
    kill_node "${space##*-}"
    ip netns delete "$space"
  done
  ip link delete "$bridge" 2>/dev/null || true
}

kill_node() { # number
  local pid
  for pid in $(ip netns pids "fc$tag-$1"); do kill -9 "$pid" 2>/dev/null || true; done
}

case "$action" in
  up) up ;;
  down) down ;;
  kill) kill_node "$count" ;;
  run) shift 2 && in_node 0 env SLURM_CONF="$folder/slurm.conf" "$@" ;;
  *) echo "cluster.sh up|run|kill|down FOLDER [COUNT | COMMAND… | NODE]" >&2 && exit 2 ;;
esac
