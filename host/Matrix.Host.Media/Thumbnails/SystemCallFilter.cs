using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>
/// Writes <see cref="SystemCalls"/> as a program for the kernel's filter (seccomp, "SECCOMP_SET_MODE_FILTER"). The
/// kernel runs it for each call. Calls that are not listed fail as if the kernel did not know them, so that newer
/// libraries fall back to older calls; `clone3`, whose flags no filter sees, is one of them.
/// </summary>
internal static class SystemCallFilter
{
    /// <summary>The bytes of an instruction: its code, two jumps, a value.</summary>
    internal const int InstructionSize = 8;

    // What the kernel tells of a call: `struct seccomp_data`. The first argument is in two halves, the lower first.
    private const uint NumberAt = 0;
    private const uint ArchitectureAt = 4;
    private const uint FirstArgumentAt = 16;

    // Instructions: BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JSET | BPF_K, BPF_RET | BPF_K.
    private const ushort Load = 0x20;
    private const ushort JumpIfEqual = 0x15;
    private const ushort JumpIfAnySet = 0x45;
    private const ushort Return = 0x06;

    // Verdicts: SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with ENOSYS, SECCOMP_RET_KILL_PROCESS.
    private const uint Allow = 0x7FFF0000;
    private const uint Unknown = 0x00050000 | 38;
    private const uint Kill = 0x80000000;

    /// <summary>`CLONE_THREAD`. The kernel refuses it together with what makes a namespace.</summary>
    private const uint MakesThread = 0x00010000;

    /// <summary>The program for a processor; null if the table has none.</summary>
    internal static byte[]? For(Architecture processor) => processor switch
    {
        // AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64.
        Architecture.X64 => Compile(0xC000003E, static call => call.X64),
        Architecture.Arm64 => Compile(0xC00000B7, static call => call.Arm64),
        _ => null,
    };

    private static byte[] Compile(uint architecture, Func<SystemCall, int?> numberOf)
    {
        var program = new List<byte>();

        // The numbers mean other calls in a program for another processor.
        Add(Load, ArchitectureAt);
        Add(JumpIfEqual, architecture, ifSo: 1);
        Add(Return, Kill);
        Add(Load, NumberAt);
        foreach (var call in SystemCalls.Allowed)
        {
            if (numberOf(call) is not { } number) continue;
            Add(JumpIfEqual, (uint)number, ifNot: 1);
            Add(Return, Allow);
        }

        Add(JumpIfEqual, (uint)numberOf(SystemCalls.Clone)!, ifNot: 3);
        Add(Load, FirstArgumentAt);
        Add(JumpIfAnySet, MakesThread, ifNot: 1);
        Add(Return, Allow);
        Add(Return, Unknown);
        return [.. program];

        void Add(ushort code, uint value, byte ifSo = 0, byte ifNot = 0)
        {
            Span<byte> instruction = stackalloc byte[InstructionSize];
            BinaryPrimitives.WriteUInt16LittleEndian(instruction, code);
            (instruction[2], instruction[3]) = (ifSo, ifNot);
            BinaryPrimitives.WriteUInt32LittleEndian(instruction[4..], value);
            program.AddRange(instruction);
        }
    }
}
