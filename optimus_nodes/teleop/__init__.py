"""Moving the robot by hand: poses, keys and a gamepad become joint targets; robot/arm_ik.py solves the arms."""
