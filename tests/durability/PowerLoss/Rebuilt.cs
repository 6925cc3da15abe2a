namespace Matrix.Durability.PowerLoss;

/// <summary>
/// The files as a disk holds them after the power went at some tick: what a completed sync covers, and of the rest nothing, or, as disks
/// please, some.
/// </summary>
internal static class Rebuilt
{
    /// <summary>Writes the recorded files into a folder.</summary>
    /// <param name="recording">What the server did.</param>
    /// <param name="at">The tick at which the power goes.</param>
    /// <param name="luck">Decides which writes that no sync covers reached the disk all the same; null for none of them.</param>
    /// <param name="from">The data folder that was recorded.</param>
    /// <param name="to">The folder to write to.</param>
    public static void Write(Recording recording, ulong at, Random? luck, string from, string to)
    {
        // A removal or a new name is on the disk at once here: a file system may do so, and it is the harder case for a journal.
        var removed = recording.Calls.Where(c => c.Kind == RecordKind.Removed && c.End < at)
            .Select(c => (Path: System.Text.Encoding.UTF8.GetString(c.Data.Span), c.End)).ToList();
        foreach (var (file, path) in recording.Paths)
        {
            // Shared memory of the write-ahead log is no part of what must survive: SQLite makes it anew.
            if (path.EndsWith("-shm", StringComparison.Ordinal))
            {
                continue;
            }

            var since = removed.Where(r => r.Path == path).Select(r => r.End).DefaultIfEmpty(0UL).Max();
            var calls = recording.Calls.Where(c => c.File == file && c.Begin > since && c.Begin < at).ToList();
            if (!calls.Any(c => c.Kind is RecordKind.Wrote or RecordKind.Resized or RecordKind.Opened))
            {
                continue;
            }

            var synced = calls.Where(c => c.Kind == RecordKind.Synced && c.End < at).Select(c => c.Begin).DefaultIfEmpty(0UL).Max();
            var target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var stream = new FileStream(target, FileMode.Create, FileAccess.Write);
            foreach (var call in calls.Where(c => c.End < synced || luck?.Next(2) == 0))
            {
                Apply(stream, call);
            }
        }
    }

    private static void Apply(FileStream stream, Call call)
    {
        switch (call.Kind)
        {
            case RecordKind.Wrote:
                stream.Position = call.Offset;
                stream.Write(call.Data.Span);
                break;
            case RecordKind.Resized when call.Offset >= 0:
                stream.SetLength(call.Offset);
                break;
            case RecordKind.Resized when stream.Length < -call.Offset:
                stream.SetLength(-call.Offset);
                break;
        }
    }
}
