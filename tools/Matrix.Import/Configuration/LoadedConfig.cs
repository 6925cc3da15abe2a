using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>The result of reading Synapse's configuration.</summary>
/// <param name="Config">The configuration; null if there are problems.</param>
/// <param name="Problems">Why it cannot be read, all of it.</param>
/// <param name="Warnings">What Synapse passes over: replaced settings, files that are not read.</param>
public sealed record LoadedConfig(
    SynapseConfig? Config, IReadOnlyList<ConfigProblem> Problems, IReadOnlyList<ConfigWarning> Warnings);
