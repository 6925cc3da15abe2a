namespace Matrix.Import.Configuration.Reading;

/// <summary>Collects what is wrong with a configuration, so that an operator sees all of it at once.</summary>
internal sealed class ConfigProblems
{
    private const int Most = 1000;

    private readonly List<ConfigProblem> _found = [];

    internal IReadOnlyList<ConfigProblem> Found => _found;

    internal void Add(ConfigProblemKind kind, string location, string setting, string message)
    {
        var problem = new ConfigProblem(kind, location, setting, message);
        if (_found.Count < Most && !_found.Contains(problem)) _found.Add(problem);
    }
}
