using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Matrix.Host.Media.Thumbnails;
using Processor = System.Runtime.InteropServices.Architecture;

namespace Matrix.Host.Tests.Media;

/// <summary>The filter of the system calls that a decoder of images may make, run as the kernel runs it.</summary>
internal sealed partial class SystemCallFilterTests
{
    private const uint X64 = 0xC000003E;
    private const uint Arm64 = 0xC00000B7;
    private const ulong Thread = 0x3D0F00;
    private const ulong NewUser = 0x10000000;

    private enum Verdict : uint
    {
        Allow = 0x7FFF0000,
        Unknown = 0x00050026,
        Kill = 0x80000000,
    }

    [GeneratedRegex(@"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", RegexOptions.Multiline)]
    private static partial Regex Defined();

    private static byte[] Program(uint architecture) =>
        SystemCallFilter.For(architecture == X64 ? Processor.X64 : Processor.Arm64)!;

    /// <summary>What the kernel would do with a call.</summary>
    private static Verdict Decide(byte[] program, uint architecture, int number, ulong argument = 0)
    {
        var call = new byte[64];
        BinaryPrimitives.WriteInt32LittleEndian(call, number);
        BinaryPrimitives.WriteUInt32LittleEndian(call.AsSpan(4), architecture);
        BinaryPrimitives.WriteUInt64LittleEndian(call.AsSpan(16), argument);
        var held = 0u;
        for (var at = 0; ; at++)
        {
            var instruction = program.AsSpan(at * SystemCallFilter.InstructionSize, SystemCallFilter.InstructionSize);
            var value = BinaryPrimitives.ReadUInt32LittleEndian(instruction[4..]);
            switch (BinaryPrimitives.ReadUInt16LittleEndian(instruction))
            {
                case 0x20:
                    held = BinaryPrimitives.ReadUInt32LittleEndian(call.AsSpan((int)value));
                    break;
                case 0x15:
                    at += held == value ? instruction[2] : instruction[3];
                    break;
                case 0x45:
                    at += (held & value) != 0 ? instruction[2] : instruction[3];
                    break;
                case 0x06:
                    return (Verdict)value;
                case var code:
                    throw new InvalidDataException($"the instruction {code:x}");
            }
        }
    }

    [TestCase(X64)]
    [TestCase(Arm64)]
    public void Each_call_of_the_table_is_allowed_and_every_other_number_is_unknown(uint architecture)
    {
        var program = Program(architecture);
        var allowed = SystemCalls.Allowed.Select(call => architecture == X64 ? call.X64 : call.Arm64)
            .OfType<int>().ToList();
        Assert.That(allowed, Is.Unique);

        Assert.That(
            Enumerable.Range(0, 1024).Where(number => Decide(program, architecture, number) == Verdict.Allow),
            Is.EqualTo(allowed.Order()));
        Assert.That(
            Enumerable.Range(0, 1024).Except(allowed).Select(number => Decide(program, architecture, number)),
            Is.All.EqualTo(Verdict.Unknown));
    }

    [TestCase(X64, 56)]
    [TestCase(Arm64, 220)]
    public void Threads_are_made_and_processes_are_not(uint architecture, int clone)
    {
        var program = Program(architecture);
        Assert.That(Decide(program, architecture, clone, Thread), Is.EqualTo(Verdict.Allow));
        Assert.That(Decide(program, architecture, clone, 17), Is.EqualTo(Verdict.Unknown));
        Assert.That(Decide(program, architecture, clone, NewUser), Is.EqualTo(Verdict.Unknown));

        // The upper half of the argument is no flag.
        Assert.That(Decide(program, architecture, clone, Thread << 32), Is.EqualTo(Verdict.Unknown));
    }

    [TestCase(X64, Arm64)]
    [TestCase(Arm64, X64)]
    public void Numbers_of_another_processor_end_the_process(uint architecture, uint other)
    {
        var program = Program(architecture);
        Assert.That(Decide(program, other, 0), Is.EqualTo(Verdict.Kill));

        // `i386`, and the calls of x86-64 with short pointers.
        Assert.That(Decide(program, 0x40000003, 4), Is.EqualTo(Verdict.Kill));
        Assert.That(Decide(program, architecture, 0x40000000), Is.EqualTo(Verdict.Unknown));
    }

    [TestCase("mount", 165, 40)]
    [TestCase("socket", 41, 198)]
    [TestCase("ptrace", 101, 117)]
    [TestCase("unshare", 272, 97)]
    [TestCase("setns", 308, 268)]
    [TestCase("clone3", 435, 435)]
    [TestCase("keyctl", 250, 219)]
    [TestCase("bpf", 321, 280)]
    [TestCase("io_uring_setup", 425, 425)]
    [TestCase("ioctl", 16, 29)]
    [TestCase("process_vm_readv", 310, 270)]
    public void What_reaches_out_of_the_sandbox_is_not_listed(string name, int x64, int arm64)
    {
        Assert.That(SystemCalls.Allowed.Select(call => call.Name), Has.None.EqualTo(name));
        Assert.That(Decide(Program(X64), X64, x64), Is.EqualTo(Verdict.Unknown));
        Assert.That(Decide(Program(Arm64), Arm64, arm64), Is.EqualTo(Verdict.Unknown));
    }

    [Test]
    public void A_processor_without_a_table_has_no_filter() =>
        Assert.That(SystemCallFilter.For(Processor.RiscV64), Is.Null);

    [Test]
    public void The_table_has_the_kernels_numbers()
    {
        var x64 = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
        var generic = "/usr/include/asm-generic/unistd.h";
        Assume.That(File.Exists(generic), "the kernel's headers are not installed");
        var (ofX64, ofArm64) = (File.Exists(x64) ? Numbers(x64) : null, Numbers(generic));
        foreach (var call in SystemCalls.Allowed.Append(SystemCalls.Clone))
        {
            if (ofX64 is not null) Assert.That(call.X64, Is.EqualTo(ofX64[call.Name]), call.Name);
            var name = call.Name == "newfstatat" ? "fstatat" : call.Name;
            int? expected = ofArm64.TryGetValue(name, out var number) ? number : null;
            Assert.That(call.Arm64, Is.EqualTo(expected), call.Name);
        }
    }

    private static Dictionary<string, int> Numbers(string header) =>
        Defined().Matches(File.ReadAllText(header))
            .DistinctBy(match => match.Groups[1].Value)
            .ToDictionary(
                match => match.Groups[1].Value,
                match => int.Parse(match.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture));
}
