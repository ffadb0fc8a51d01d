#!/bin/bash
# One run on several nodes: Ray on all of them, cotbench on the first, one journal.
#
#   MODEL=NAME sbatch docs/examples/slurm-ray.sh          # typed again, it goes on where a job was stopped
#   MODEL=NAME TASK=gsm8k MODE=direct,cot sbatch --nodes=16 docs/examples/slurm-ray.sh
#
# `ray symmetric-run` (Ray 2.49 or newer) is started on each node: it starts Ray there, runs the command on the first
# node once all have joined, and ends Ray. The nodes must be this job's alone (--exclusive): it refuses a node where Ray
# is running already, and its end is `ray stop`, which ends every process of Ray's that is yours on the node.
# When the time is out the run is killed, and loses the replies that were on their way.
#SBATCH --job-name=cotbench
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --gpus-per-node=8
#SBATCH --time=08:00:00
#SBATCH --requeue
set -euo pipefail

cotbench=${COTBENCH:-cotbench}
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(getent ahostsv4 "$head" | awk 'NR == 1 { print $1 }'):${PORT:-6379}
# Nodes of a job start minutes apart now and then; Ray waits for 30 s only.
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=${WAIT:-600}
# One token for all nodes: whoever reaches Ray's port may run anything as you.
RAY_AUTH_TOKEN=${RAY_AUTH_TOKEN:-$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')}
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN

# shellcheck disable=SC2086 # $cotbench and $ARGS may be several words
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 \
  ray symmetric-run --address "$address" --min-nodes "$SLURM_JOB_NUM_NODES" ${RAY_ARGS:-} -- \
  $cotbench run --engine ray --ray-address auto --model "$MODEL" --task "${TASK:-paper}" --mode "${MODE:-direct,cot}" \
  --model-args "${MODEL_ARGS:-engine=vllm,tensor_parallel_size=1}" --output-dir "${RESULTS:-results}" ${ARGS:-}
