#!/usr/bin/env bash
# One run in eight jobs of a SLURM array, each with a machine of its own, and a job that merges and reports at the end.
#
#   MODEL=Qwen/Qwen3-8B docs/examples/slurm-shards.sh       # on the login node; the same again goes on where jobs stopped
#
# $TASKS, $MODES, $SHARDS (how many jobs), $WORK (where all of them can write) and $COTBENCH (the command that is run) may
# be set too; what stands behind the script's name goes to `cotbench run`. Jobs take the environment with them.
#SBATCH --job-name=cotbench
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=08:00:00
#SBATCH --signal=B:INT@120
#SBATCH --requeue
set -euo pipefail
set -m # else what runs in the background would ignore INT

export MODEL=${MODEL:?is the model: MODEL=NAME $0}
export TASKS=${TASKS:-gsm8k,mmlu} MODES=${MODES:-direct,cot} SHARDS=${SHARDS:-8} WORK=${WORK:-$PWD/shards-example}
cotbench=${COTBENCH:-cotbench}

case "${STEP:-submit}" in
  submit)
    array=$(STEP=shard sbatch --parsable --array="1-$SHARDS" "$0" "$@")
    STEP=merge sbatch --dependency="afterany:${array%%;*}" "$0"
    ;;
  shard)
    # shellcheck disable=SC2086 # $cotbench may be a command of several words
    $cotbench run --model "$MODEL" --task "$TASKS" --mode "$MODES" --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" \
      --output-dir "$WORK/shards" --quiet "$@" &
    run=$!
    trap 'kill -INT $run' INT # two minutes before the time is out: what is in flight is waited for
    wait $run || wait $run
    ;;
  merge)
    # Jobs that failed or ran out of time keep nothing from being merged; it is said which are missing or unfinished.
    # shellcheck disable=SC2086
    $cotbench merge "$WORK"/shards/* --output-dir "$WORK/results"
    # shellcheck disable=SC2086
    $cotbench report --output-dir "$WORK/results"
    ;;
esac
