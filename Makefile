# Everything starts here: each target makes what it needs first. See setup/bootstrap.py.
#   make demo SEED=7 INSTRUCTION="put the blue box in the right bin"
#   make demo SCENE=bench INSTRUCTION="press the button, then open the drawer"
#   make test TESTS="test/core -k guard"
#   make demo PYTHON=python3.12        another Python than python3 (3.10 to 3.13)
PYTHON ?= python3
SETUP := $(PYTHON) -S setup/bootstrap.py
export SEED SCENE INSTRUCTION

.PHONY: help demo test test-lerobot test-gazebo lint env env-train env-llm env-voice env-lerobot locks clean
.DEFAULT_GOAL := help

help:       ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

demo:       ## simulate the robot, carry out one instruction (SEED=…, SCENE=…, INSTRUCTION=…), write a video to runs/
	@$(SETUP) demo $${SEED:+--seed "$$SEED"} $${SCENE:+--scene "$$SCENE"} $${INSTRUCTION:+--instruction "$$INSTRUCTION"}

test: lint  ## check the style and run all tests (TESTS=… for some of them)
	@$(SETUP) test $(TESTS)

test-lerobot:  ## let LeRobot itself open and train on recorded data sets (makes both environments)
	@$(SETUP) test-lerobot $(TESTS)

test-gazebo:  ## tests with a real Gazebo, which must be installed (docs/gazebo.md)
	@$(SETUP) test-gazebo $(TESTS)

lint:       ## ruff, and mypy on the core
	@$(SETUP) lint

env:        ## only set up .venv, with what the demo needs
	@$(SETUP) env

env-train:  ## the same and torch, for `optimus train`
	@$(SETUP) env-train

env-llm:    ## the same and what `planner` needs for language models, with a small one to try it
	@$(SETUP) env-llm

env-voice:  ## the same and what `speech` needs to hear and to speak
	@$(SETUP) env-voice

env-lerobot:  ## an environment of its own with LeRobot 0.4.4, .venv-lerobot (6.7 GB)
	@$(SETUP) env-lerobot

locks:      ## resolve requirements/*.in anew into the lock files
	@$(SETUP) env
	@.venv/bin/python setup/locks.py

clean:      ## remove the environment and everything built (not runs/ and data/)
	rm -rf .venv .venv-lerobot .setup build install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
