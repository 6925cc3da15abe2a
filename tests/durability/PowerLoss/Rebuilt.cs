namespace Matrix.Durability.PowerLoss;

/// <summary>
/// The files as a disk holds them after a loss of power at some tick: what a completed sync covers, and of the rest
/// nothing, or a random part.
/// </summary>
internal static class Rebuilt
{
    /// <summary>Writes the recorded files into a folder.</summary>
    /// <param name="recording">What the server did.</param>
    /// <param name="at">The tick at which the power goes.</param>
    /// <param name="luck">Decides which writes that no sync covers reached the disk all the same; null for none of
    /// them.</param>
    /// <param name="from">The data folder that was recorded.</param>
    /// <param name="to">The folder to write to.</param>
    public static void Write(Recording recording, ulong at, Random? luck, string from, string to)
    {
        // Here a removal or a rename reaches the disk at once: a file system may do so, and for a journal it is the
        // harder case.
        var removed = recording.Calls.Where(c => c.Kind == RecordKind.Removed && c.End < at)
            .Select(c => (Path: System.Text.Encoding.UTF8.GetString(c.Data.Span), c.End)).ToList();
        foreach (var (file, path) in recording.Paths)
        {
            // The shared memory of the write-ahead log need not survive: SQLite creates it again.
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

            var synced = calls.Where(c => c.Kind == RecordKind.Synced && c.End < at).Select(c => c.Begin)
                .DefaultIfEmpty(0UL).Max();
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
