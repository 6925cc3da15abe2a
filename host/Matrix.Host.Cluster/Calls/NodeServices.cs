using Orleans.Runtime;
using Orleans.Runtime.Services;

namespace Matrix.Host.Cluster.Calls;

/// <summary>Finds the service of a silo.</summary>
internal sealed class NodeServices(IServiceProvider services) : GrainServiceClient<INodeService>(services)
{
    public INodeService Of(SiloAddress silo) => GetGrainService(silo);
}
