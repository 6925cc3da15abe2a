using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Imports;

/// <summary>An import began in an empty database.</summary>
public sealed record ImportBegan(ImportRow Import) : Change;

/// <summary>A part of an import came this far, in the batch that has its rows.</summary>
/// <param name="Part">The part's name.</param>
/// <param name="Reached">Where the part goes on, in its own words; null at its beginning.</param>
/// <param name="Ended">Whether nothing of it is left.</param>
/// <param name="Counts">What it counted since it began, as JSON.</param>
public sealed record ImportProgressed(string Part, string? Reached, bool Ended, string Counts) : Change;

/// <summary>Something of the source was left out.</summary>
/// <param name="Part">The part that left it out.</param>
/// <param name="Seq">The number of the finding among those of its part.</param>
/// <param name="Kind">What it is, such as `event`.</param>
/// <param name="Subject">Its id.</param>
/// <param name="Reason">Why, in a sentence.</param>
public sealed record ImportLeftOut(string Part, long Seq, string Kind, string Subject, string Reason) : Change;

/// <summary>All parts have ended: the database can be served, unless it is a rehearsal.</summary>
/// <param name="Numbers">The greatest numbers of the source's streams, as JSON.</param>
public sealed record ImportEnded(string Numbers) : Change;
