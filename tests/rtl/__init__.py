"""Systolic arrays in Verilog, and what runs them: the hardware that the simulator is compared with."""
