using Matrix.Host.Storage.Commits;

namespace Matrix.TestWorld;

/// <summary>Batches of tests, which decide in nobody's place.</summary>
public static class Batches
{
    /// <summary>An empty batch over which nothing has authority.</summary>
    public static WriteBatch New(int capacity = 4) => new(Authority.Nobody, capacity);
}
