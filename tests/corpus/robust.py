# SPDX-License-Identifier: MIT
"""Every reading command over the corpus, where it is: no crash, no hang, no sanitizer report, no exit
status that is not documented. ROBUST=full takes all images, else the smallest of different tests."""

import os
import sys

import score

if __name__ == '__main__':
    sys.argv[1:] = ['--command=all'] + ([] if os.environ.get('ROBUST') == 'full' else ['--quick'])
    score.main()
