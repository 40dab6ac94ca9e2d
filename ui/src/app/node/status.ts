/** What `GET /v1/status` answers. */
export interface NodeStatus {
  node: { id: number; name: string; role: string };
  chain_id: string;
  latest_height: number;
  latest_hash: string;
  state_root: string;
  state_height: number;
  certified_height: number;
  timestamp: string;
  catching_up: boolean;
  peers: PeerState[];
}

export interface PeerState {
  id: number;
  name: string;
  url: string;
  connected: boolean;
  latest_height: number;
}
