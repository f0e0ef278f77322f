# SPDX-License-Identifier: MIT
#
# gdb.py: goroutines for gdb, in a live process and in a core, debug and release builds (not stripped ones).
#
#	(gdb) source runtime/gdb.py	or gdb -x; where it is installed, gdb loads it with the program
#	(gdb) goroutines		number, state or wait reason, function, and where it was started
#	(gdb) goroutine 7 bt		its stack
#
# Reads memory alone and changes no register, so a core will do: a goroutine that rests is walked by its frame
# pointers (switch.h says what lies at a resting stack's end); one that runs is a thread, whose backtrace is gdb's own.
# The core is one that the kernel wrote: gdb's generate-core-file stops at the guards of stacks
# (but with FETCHD_STACK_GUARD=canary).
import gdb

TOP_COLOURS, COLOUR_STEP, COLOUR_BYTES = 16, 7, 128     # stack.c: stack_slot
ENTRIES = ('g_main', 'switch_start')                    # in which every goroutine begins


def static(name):
    symbol = gdb.lookup_static_symbol(name) or gdb.lookup_global_symbol(name)
    if symbol is None:
        raise gdb.GdbError('no symbol %s: is this a program with the runtime, and not stripped?' % name)
    return symbol.value()


def word_at(address):
    return int(gdb.Value(address).cast(gdb.lookup_type('unsigned long').pointer()).dereference())


class Goroutine:
    def __init__(self, pointer, low):
        self.g = pointer.dereference()
        self.id = int(self.g['id'])
        self.low, self.high = low, int(pointer)
        self.state = int(self.g['state']['word'])

    def state_text(self):
        name = str(gdb.Value(self.state).cast(gdb.lookup_type('enum g_state')))
        if name not in ('G_PARKED', 'G_CLAIMED'):
            return 'running' if name == 'G_RUNNING' else 'runnable'
        reason = gdb.Value(int(self.g['reason'])).cast(gdb.lookup_type('enum wait_reason'))
        try:
            return gdb.parse_and_eval('snapshot_state::reasons')[int(reason)].string()
        except gdb.error:
            return str(reason)

    def runs(self):
        return self.state_text() == 'running'

    def origin(self):
        site = self.g['site']
        if int(site) == 0:
            return ''
        return ' started by %s at %s:%d in goroutine %d' % (
            site['function'].string(), site['file'].string(), int(site['line']),
            int(self.g['creator_id']))

    def resting_point(self):
        sp = int(self.g['sp'])
        words = 6 if 'x86-64' in gdb.selected_inferior().architecture().name() else 0
        return word_at(sp + 8 * words), word_at(sp + 8 * words + 8)

    # (pc, frame pointer) from the innermost out. The first pc is where it goes on, the others return addresses.
    def frames(self):
        fp, pc = self.resting_point()
        yield pc
        while self.low <= fp < self.high - 8:
            caller, pc = word_at(fp), word_at(fp + 8)
            yield pc
            if caller <= fp:
                return
            fp = caller


def goroutines():
    arena = static('arena')
    base, slot_size = int(arena['base']), int(arena['slot_size'])
    g_type = gdb.lookup_type('struct g')
    g_size = (g_type.sizeof + 63) // 64 * 64
    for i in range(int(arena['fresh'])):
        if int(arena['links'][i]) != 0:         # free, and its memory may be gone
            continue
        colour = i * COLOUR_STEP % TOP_COLOURS * COLOUR_BYTES
        low = base + i * slot_size
        g = Goroutine(gdb.Value(low + slot_size - colour - g_size).cast(g_type.pointer()), low)
        if g.state != 0:
            yield g


def function_of(pc):
    block = gdb.block_for_pc(pc)
    while block is not None and (block.function is None):
        block = block.superblock
    if block is not None:
        return block.function.print_name
    text = gdb.execute('info symbol 0x%x' % pc, to_string=True)
    return '??' if text.startswith('No symbol') else text.split()[0]


def print_frame(n, pc, look_up):
    sal = gdb.find_pc_line(look_up)
    place = ' at %s:%d' % (sal.symtab.filename, sal.line) if sal.symtab else ''
    print('#%-2d 0x%016x in %s ()%s' % (n, pc, function_of(look_up), place))


def print_resting(g):
    for n, pc in enumerate(g.frames()):
        if n > 0 and function_of(pc - 1) in ENTRIES:
            return
        print_frame(n, pc, pc if n == 0 else pc - 1)


def print_running(g):
    before = gdb.selected_thread()
    try:
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            if g.low <= int(gdb.parse_and_eval('$sp')) < g.high:
                print('it runs on thread %d (LWP %d)' % (thread.num, thread.ptid[1]))
                gdb.execute('bt')
                return
        print('it runs, but on no thread that gdb sees on its stack')
    finally:
        before.switch()


class ListCommand(gdb.Command):
    """List all goroutines: number, state or wait reason, function, where it was started."""

    def __init__(self):
        super().__init__('goroutines', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        for g in sorted(goroutines(), key=lambda g: g.id):
            print('%8d  %-24s %s%s' % (g.id, g.state_text(), g.g['name'].string(), g.origin()))


class GoroutineCommand(gdb.Command):
    """goroutine ID bt: the stack of that goroutine, parked or running."""

    def __init__(self):
        super().__init__('goroutine', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split()
        if len(words) != 2 or not words[0].isdigit() or words[1] not in ('bt', 'backtrace'):
            raise gdb.GdbError('usage: goroutine ID bt')
        for g in goroutines():
            if g.id == int(words[0]):
                print('goroutine %d [%s]:' % (g.id, g.state_text()))
                print_running(g) if g.runs() else print_resting(g)
                return
        raise gdb.GdbError('there is no goroutine %s' % words[0])


ListCommand()
GoroutineCommand()
