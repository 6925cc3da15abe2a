using System.Diagnostics;

namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Whether this node has read what was committed lately. A node that could not find out for three seconds refuses
/// requests and sends nothing: it may not know yet that a token was revoked, or a user removed.
/// </summary>
/// <param name="levelAt">
/// A timestamp of <see cref="Stopwatch"/>: everything that was committed before it was read. Null for a server by
/// itself, which has always read it all.
/// </param>
public sealed class StorageLevel(Func<long>? levelAt = null)
{
    /// <summary>For how long a node goes on that cannot compare itself with the database.</summary>
    public static TimeSpan Longest { get; } = TimeSpan.FromSeconds(3);

    /// <summary>Whether it may go on.</summary>
    public bool IsCurrent => levelAt is null || Stopwatch.GetElapsedTime(levelAt()) < Longest;
}
