#!/usr/bin/env bash
# One published table, read four ways: GPT-4 on StrategyQA (2,290 questions), direct against chain of thought, from the
# outputs that Lyu et al. published with "Faithful Chain-of-Thought Reasoning" (2023, arXiv:2301.13379).
#
#   docs/examples/strategyqa.sh                       # fetches three files (some 2.5 MB) from GitHub
#   FAITHFUL_COT=/path/to/checkout docs/examples/strategyqa.sh    # takes them from a checkout (a bare one will do)
#
# No model is needed, no GPU and no key. The outputs are under the MIT licence, and stay in $WORK (strategyqa-example/ by
# default). $COTBENCH is the command that is run; what stands behind the script's name goes to `cotbench report`. It says
# what chain of thought changes, in points:
#   as published       -27.6   the study's own reading, by which 1,249 answers under CoT and 410 direct ones are unread
#   read again          -5.3   the same outputs, read by cotbench, to which 419 and 155 of them stay unread
#   read in both arms   +2.8   on the 1,814 questions that cotbench reads in both (+4.4 on the 950 that the study does too)
#   bounds             -12.1 to +13.0, over all ways to read what is unread
# So whether chain of thought helps GPT-4 there isn't known, and the published loss is mostly one of reading.
set -euo pipefail

repository=veronica320/Faithful-COT
commit=301784317c99cf348cfad92a1b3e8810900e095b
cotbench=${COTBENCH:-cotbench}
work=${WORK:-strategyqa-example}
checkout=${FAITHFUL_COT:-}

say() { printf '%s\n' "$*" >&2; }

# Read the file $1 of the repository, at the commit, to stdout.
file_of() {
  if [ -n "$checkout" ]; then
    git -C "$checkout" show "$commit:$1"
  else
    curl --fail --silent --show-error --location --retry 3 --max-time 120 \
      "https://raw.githubusercontent.com/$repository/$commit/$1"
  fi
}

take() {
  mkdir -p "$(dirname "$2")"
  if [ -s "$2" ]; then
    return
  fi
  if ! file_of "$1" >"$2.part"; then
    rm -f "$2.part"
    say "$1 can't be had from ${checkout:-github.com/$repository} at commit ${commit:0:7}."
    say "Look at the network, or name a checkout that holds the commit: FAITHFUL_COT=/path $0"
    exit 3
  fi
  mv "$2.part" "$2"
}

need() {
  command -v "$1" >/dev/null || { say "$1 is needed, and isn't installed."; exit 3; }
}

need "${cotbench%% *}"
if [ -n "$checkout" ]; then need git; else need curl; fi

take data/StrategyQA/test.jsonl "$work/questions.jsonl"
take output_dir/StrategyQA/test/gpt4_standard/predictions.jsonl "$work/standard.jsonl"
take output_dir/StrategyQA/test/gpt4_COT/predictions.jsonl "$work/cot.jsonl"

# The study's answer stands beside each output: true, false, or "[invalid]" where it read none; its verdict is that answer
# against gold. Some questions stand in the data set twice.
# shellcheck disable=SC2086 # $cotbench may be a command of several words
$cotbench import "$work/standard.jsonl" "$work/cot.jsonl" --as direct,cot --model gpt-4 --task strategyqa \
  --questions "$work/questions.jsonl" --field id=id,question=question,gold=answer,output=completion,answer=answer \
  --repeated-questions --output-dir "$work/results"
# shellcheck disable=SC2086
$cotbench report --output-dir "$work/results" "$@"
