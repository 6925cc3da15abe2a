using Matrix.Host.Storage;
using Matrix.Import.Sources;

namespace Matrix.Import.Runs;

/// <summary>What the parts of an import work with.</summary>
internal sealed class ImportContext
{
    /// <summary>Synapse's databases.</summary>
    public required SynapseSource Source { get; init; }

    /// <summary>Our database, open for writing. Parts write through <see cref="PartProgress"/> only.</summary>
    public required OpenedStorage Target { get; init; }

    /// <summary>The name of both servers.</summary>
    public required string ServerName { get; init; }

    /// <summary>What the operator chose.</summary>
    public required ImportChoices Choices { get; init; }

    /// <summary>What the configuration says to the parts.</summary>
    public required SourceSettings Settings { get; init; }

    /// <summary>The media files; null if no media is carried.</summary>
    public IKeptMedia? Files { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The last position that is kept for rows of the source: of an import that has begun.</summary>
    public async ValueTask<long> StartAfterAsync(CancellationToken stop) =>
        (await Target.Imports.FindAsync(stop))?.StartAfter ?? 0;

    /// <summary>Whether a user id is one of this server's.</summary>
    public bool IsLocal(string userId) =>
        userId.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon
        && userId.AsSpan(colon + 1).SequenceEqual(ServerName);
}
