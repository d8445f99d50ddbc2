/* SPDX-License-Identifier: MIT */
/* Ends a .def: takes back what its expander defined. Included once by every .def, so no guard. */
#undef STRUCTURE
#undef FIELD
#undef ARRAY
#undef BYTES
#undef FLAGS
#undef ENUM
#undef END
