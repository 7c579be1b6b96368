"""Moving the robot by hand: poses and key presses become joint targets; arms are solved by robot/arm_ik.py."""
