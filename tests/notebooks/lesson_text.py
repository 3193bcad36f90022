"""A lesson of two numbers, as its author writes it."""

LESSON = '''# %% [markdown]
# # Adding
#
# You will have added two numbers.

# %%
def add(a, b):
    """Add two numbers."""
    ### BEGIN SOLUTION
    total_of_both = a + b
    return total_of_both
    ### END SOLUTION


try:
    print(add(1, 2))
except NotImplementedError:
    print("not tried yet")

# %% [markdown]
# Why does the order not matter?
#
# ### BEGIN SOLUTION
# Because addition is commutative.
# ### END SOLUTION

# %% tags=["answers-only"]
print("the fixed one")
'''
