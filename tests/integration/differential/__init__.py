# SPDX-License-Identifier: MIT
"""The same questions to two servers, and whether their answers mean the same."""
