namespace Matrix.Host.Storage.Tables.Imports;

/// <summary>An import.</summary>
/// <param name="Source">Software and schema of the source.</param>
/// <param name="Fingerprint">Digest of which source it was and what was chosen.</param>
/// <param name="StartAfter">The last position that is kept for rows of the source.</param>
/// <param name="BeganAt">In milliseconds since the epoch.</param>
/// <param name="EndedAt">In milliseconds since the epoch; null if it has not ended.</param>
/// <param name="IsRehearsal">A rehearsal is never served.</param>
/// <param name="WithoutHistory">Whether rooms were left out.</param>
/// <param name="Numbers">The greatest numbers of the source's streams, as JSON.</param>
public sealed record ImportRow(
    string Source, string Fingerprint, long StartAfter, long BeganAt, long? EndedAt, bool IsRehearsal,
    bool WithoutHistory, string Numbers);

/// <summary>How far a part of an import has come.</summary>
/// <param name="Part">The part's name.</param>
/// <param name="Reached">Where it goes on; null at its beginning.</param>
/// <param name="Ended">Whether nothing of it is left.</param>
/// <param name="Counts">What it counted, as JSON.</param>
public sealed record ImportProgressRow(string Part, string? Reached, bool Ended, string Counts);

/// <summary>What was left out of an import, and why.</summary>
public sealed record ImportFindingRow(string Part, long Seq, string Kind, string Subject, string Reason);
