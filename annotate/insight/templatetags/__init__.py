"""What templates of other rooms show of this one."""
