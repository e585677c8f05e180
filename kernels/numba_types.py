"""What numba must know before it compiles a kernel: what one is, and machine code for what reaches below bounds checks.

`kernels.jit` imports this with numba itself, when the first kernel is called.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import lower_builtin, type_callable, typeof_impl
from numba.np.arrayobj import make_array

_Function = Callable[..., Any]


def know_kernels(kind: type) -> None:
    """A kernel that another one names is compiled with it: the dispatcher in its `compiled` is what is called."""

    @typeof_impl.register(kind)
    def type_of(kernel: Any, _: object) -> Any:
        return types.Dispatcher(kernel.compiled)


def lower_unchecked(pointer: _Function, load64: _Function, prefetch: _Function) -> None:
    """Machine code for the three functions of `kernels.jit`, in place of what they do as Python."""

    @type_callable(pointer)
    def type_pointer(context: Any) -> Any:
        def types_of(array: Any) -> Any:
            return signature(types.CPointer(array.dtype), array)

        return types_of

    @lower_builtin(pointer, types.Array)
    def lower_pointer(context: Any, builder: Any, call: Any, arguments: Any) -> Any:
        return make_array(call.args[0])(context, builder, arguments[0]).data

    @type_callable(load64)
    def type_load64(context: Any) -> Any:
        def types_of(data: Any, i: Any) -> Any:
            return signature(types.uint64, data, types.int64)

        return types_of

    @lower_builtin(load64, types.Any, types.int64)
    def lower_load64(context: Any, builder: Any, call: Any, arguments: Any) -> Any:
        address = builder.gep(arguments[0], [arguments[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    @type_callable(prefetch)
    def type_prefetch(context: Any) -> Any:
        def types_of(data: Any, i: Any) -> Any:
            return signature(types.void, data, types.int64)

        return types_of

    @lower_builtin(prefetch, types.Any, types.int64)
    def lower_prefetch(context: Any, builder: Any, call: Any, arguments: Any) -> Any:
        byte_pointer, int32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte_pointer, int32, int32, int32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        address = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), byte_pointer)
        builder.call(function, [address, int32(0), int32(3), int32(1)])
        return context.get_dummy_value()
