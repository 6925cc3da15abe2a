namespace Matrix.Cluster.Tests;

/// <summary>A node as a process. Its arguments are those of <see cref="NodeProcess"/>.</summary>
internal static class Program
{
    private static Task<int> Main(string[] arguments) => NodeProgram.RunAsync(arguments);
}
