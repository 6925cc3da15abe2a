using Matrix.LoadGen;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

if (args.Contains("--help"))
{
    Console.WriteLine(CommandLine.Help);
    return 0;
}

try
{
    var asked = CommandLine.Parse(args);
    var stages = asked.Servers.Select(s => new Stage(s, new Population(s), asked.Settings)).ToList();
    var report = new Report(Console.Out);
    foreach (var workload in asked.Workloads)
    {
        foreach (var (server, figures) in Catalogue.Run(workload, stages))
        {
            report.Add(workload.Name, server.Name, figures);
        }
    }

    report.Table();
    return 0;
}
catch (UsageException problem)
{
    Console.Error.WriteLine(problem.Message);
    return 2;
}
catch (Exception problem) when (problem is InvalidDataException or IOException or System.Net.Sockets.SocketException)
{
    Console.Error.WriteLine(problem.Message);
    return 1;
}
