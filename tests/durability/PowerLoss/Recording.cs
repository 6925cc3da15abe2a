using System.Runtime.InteropServices;
using System.Text;
using Matrix.Processes;

namespace Matrix.Durability.PowerLoss;

/// <summary>The kinds of calls that the preloaded library records (see powerloss.c).</summary>
internal enum RecordKind : uint
{
    Opened = 1,
    Wrote = 2,
    Synced = 3,
    Resized = 4,
    Sent = 5,
    Removed = 6,
    Renamed = 7,
    Unexpected = 8,
}

/// <summary>One call: its ticks before and after, and what it did.</summary>
/// <param name="Offset">Of a write, its place; of a resize, the new length (negative: at least that, not
/// shorter).</param>
internal sealed record Call(RecordKind Kind, int File, ulong Begin, ulong End, long Offset, ReadOnlyMemory<byte> Data);

/// <summary>A server's calls on the files of its data folder and its responses to clients, in order.</summary>
internal sealed class Recording
{
    [StructLayout(LayoutKind.Sequential)]
    private struct Head
    {
        public RecordKind Kind;
        public int File;
        public ulong Begin;
        public ulong End;
        public long Offset;
        public ulong Length;
    }

    private Recording(List<Call> calls)
    {
        Calls = calls;
        Paths = calls.Where(c => c.Kind == RecordKind.Opened)
            .GroupBy(c => c.File)
            .ToDictionary(g => g.Key, g => Encoding.UTF8.GetString(g.First().Data.Span));
    }

    /// <summary>In the order in which they ended.</summary>
    public IReadOnlyList<Call> Calls { get; }

    /// <summary>The path of each file's number.</summary>
    public IReadOnlyDictionary<int, string> Paths { get; }

    public static Recording Read(string path) => Read(File.ReadAllBytes(path));

    /// <summary>The last record is left out if the kill cut it short: nothing was recorded after it.</summary>
    public static Recording Read(ReadOnlyMemory<byte> bytes)
    {
        var calls = new List<Call>();
        var size = Marshal.SizeOf<Head>();
        while (bytes.Length >= size)
        {
            var head = MemoryMarshal.Read<Head>(bytes.Span);
            if (!Enum.IsDefined(head.Kind) || head.Kind == RecordKind.Unexpected)
            {
                throw new LostException(
                    "The recording cannot be read, or has a call that the library cannot describe.");
            }

            if (head.Length > (ulong)(bytes.Length - size))
            {
                break;
            }

            calls.Add(
                new Call(head.Kind, head.File, head.Begin, head.End, head.Offset, bytes.Slice(size, (int)head.Length)));
            bytes = bytes[(size + (int)head.Length)..];
        }

        return new Recording(calls);
    }
}
